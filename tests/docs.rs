//! The documents keep their own rules: chapters have their parts, links lead somewhere, figures
//! need no network, and what is named as proof exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` whose names end in `ending`, relative to the root.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                collect(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path.strip_prefix(root()).expect("below the root").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), ending, &mut found);
    found.sort();
    found
}

fn chapters() -> Vec<PathBuf> {
    let is_chapter = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("ch") && path.parent() == Some(Path::new("docs"))
    };
    let chapters: Vec<_> = files("docs", ".md").into_iter().filter(is_chapter).collect();
    assert!(!chapters.is_empty(), "no chapter in docs/");
    chapters
}

/// Everything a person reads: pages for a forge, and module docs.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec!["README.md".into(), "CHANGELOG.md".into()];
    pages.extend(files("docs", ".md"));
    pages.extend(files("examples", ".md"));
    pages
}

/// The text outside of code blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn every_chapter_has_its_parts() {
    const PARTS: [&str; 10] = [
        "## The concept",
        "## The bug",
        "## How a tool finds it",
        "## The fix",
        "## The same in Python",
        "## The same with std alone",
        "## Trade-offs",
        "## Quiz",
        "## Try it",
        "## Where to go from here",
    ];
    for path in chapters() {
        let text = read(&path);
        let prose = prose(&text);
        let mut last = 0;
        for part in PARTS {
            let at = prose.find(&format!("\n{part}\n"));
            let at = at.unwrap_or_else(|| panic!("{}: no {part:?}", path.display()));
            assert!(at > last, "{}: {part:?} is out of order", path.display());
            last = at;
        }
        let head: String = prose.lines().take(4).collect();
        assert!(head.contains("minutes.**"), "{}: how many minutes to read?", path.display());
        let (quiz, exercises) = prose.split_once("\n## Try it\n").unwrap_or_default();
        let count = |text: &str, what: &str| text.matches(what).count();
        assert_eq!(count(quiz, "<summary>Answer</summary>"), 3, "{}: questions", path.display());
        for part in ["**Exercise ", "<summary>Hint</summary>", "<summary>Solution</summary>"] {
            assert_eq!(count(exercises, part), 2, "{}: {part}", path.display());
        }
        let opened = count(&prose, "<details>");
        assert_eq!(opened, count(&prose, "</details>"), "{}: <details>", path.display());
        for solution in text.split("<summary>Solution</summary>").skip(1) {
            let code = solution.split("```").nth(1).unwrap_or_default();
            assert!(code.starts_with("rust\n"), "{}: a solution is tested code", path.display());
        }
    }
}

#[test]
fn every_chapter_and_its_programs_are_in_the_guide() {
    let index = read("src/guide.rs");
    for path in chapters() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(index.contains(&format!("pub mod {name};")), "{name} is not in the guide");
        assert!(index.contains(&format!("]({name})")), "{name} is not in the guide's table");
        let stub = read(format!("src/guide/{name}.rs"));
        assert!(
            stub.contains(&format!("docs/{name}.md")),
            "src/guide/{name}.rs shows another page"
        );
        let text = read(&path);
        let examples: Vec<&str> = text
            .match_indices("--example ")
            .map(|(at, flag)| text[at + flag.len()..].split_whitespace().next().unwrap_or_default())
            .collect();
        assert!(!examples.is_empty(), "{name} names no program to run");
        let course = read("tests/course.rs");
        for example in examples {
            let path = format!("examples/{example}.rs");
            assert!(root().join(&path).is_file(), "{name} names {path}");
            assert!(course.contains(&path), "tests/course.rs does not run {path}");
        }
    }
}

/// A program that is in the folder but not in the lists is one that nobody finds. All that is missing
/// is told at once, as the lines to add.
#[test]
fn every_program_is_in_the_lists() {
    let lists = [
        ("Cargo.toml", "[[example]]\nname = \"NAME\""),
        ("README.md", "| [`NAME`](examples/NAME.md) |"),
        ("CHANGELOG.md", "`NAME`"),
        ("examples/support/programs.rs", "            NAME\n"),
        ("src/guide/transcripts.rs", "//! | [`NAME`] |"),
        ("tests/course.rs", "#[path = \"../examples/NAME.rs\"]\npub mod NAME;"),
        ("tests/course.rs", "#[path = \"course/NAME.rs\"]\nmod NAME_shows;"),
    ];
    let lists = lists.map(|(path, entry)| (path, read(path), entry));
    let is_program = |path: &PathBuf| path.parent() == Some(Path::new("examples"));
    let mut programs: Vec<_> = files("examples", ".rs").into_iter().filter(is_program).collect();
    assert!(!programs.is_empty(), "no program in examples/");
    programs.extend(files("examples", ".md").into_iter().filter(is_program));
    let names: BTreeSet<String> = programs
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    let mut missing = String::new();
    for name in &names {
        for (path, list, entry) in &lists {
            let entry = entry.replace("NAME", name);
            if !list.contains(&entry) {
                missing += &format!("  {path}: {:?}\n", entry.trim());
            }
        }
        for path in [format!("examples/{name}.rs"), format!("tests/course/{name}.rs")] {
            if !root().join(&path).is_file() {
                missing += &format!("  {path}\n");
            }
        }
        let page = fs::read_to_string(root().join(format!("examples/{name}.md")));
        if !page.is_ok_and(|page| page.starts_with(&format!("# `{name}`: "))) {
            missing += &format!("  examples/{name}.md, which begins with \"# `{name}`: \"\n");
        }
    }
    assert!(missing.is_empty(), "to be a program of the course, these are missing:\n{missing}");
}

#[test]
fn figures_need_no_network_and_no_luck() {
    let figures = files("docs/img", ".svg");
    assert!(!figures.is_empty());
    for path in figures {
        let svg = read(&path);
        let shown = path.display();
        assert!(svg.lines().all(|line| !line.trim().is_empty()), "{shown}: a blank line ends it");
        assert!(svg.contains("<title") && svg.contains("<desc"), "{shown}: say it in words too");
        let fetched = svg.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!fetched.contains("http"), "{shown}: nothing is fetched");
        let reference = path.with_extension("ref.md");
        let inline = read(&reference);
        let (name, data) = inline.trim_end().split_once(": ").unwrap_or_default();
        assert!(name.starts_with('[') && name.ends_with(']'), "{}", reference.display());
        let expected = format!("data:image/svg+xml;base64,{}", base64(svg.as_bytes()));
        if data != expected && std::env::var_os("UPDATE_FIGURES").is_some() {
            fs::write(root().join(&reference), format!("{name}: {expected}\n")).expect("written");
        } else {
            let fix = "UPDATE_FIGURES=1 cargo test --test docs writes it anew";
            assert!(data == expected, "{} is not {shown}; {fix}", reference.display());
        }
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let padded = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at)) as usize % 64;
            text.push(if at <= group.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}

#[test]
fn base64_is_that_of_the_rfc() {
    for (plain, text) in
        [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
    {
        assert_eq!(base64(plain.as_bytes()), text);
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for path in pages() {
        let text = prose(&read(&path));
        for forbidden in ["](http://", "src=\"http", "<script", "<link", "<iframe", "> [!"] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
        }
        for image in text.split("![").skip(1) {
            let target = image.split_once(']').unwrap_or_default().1;
            assert!(!target.starts_with("(http"), "{}: a remote image", path.display());
        }
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    for path in pages() {
        let text = prose(&read(&path));
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let named = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        let targets = inline.map(|(target, _)| target).chain(named.map(|(_, target)| target));
        let elsewhere =
            |target: &&str| target.starts_with("https://") || target.starts_with("data:");
        for target in targets.filter(|target| !elsewhere(target)) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap_or(Path::new("")).join(file),
            };
            assert!(root().join(&file).exists(), "{} links to {target}", path.display());
            if !heading.is_empty() {
                assert!(
                    headings(&read(&file)).contains(heading),
                    "{} links to {target}",
                    path.display()
                );
            }
        }
    }
}

/// The anchors of a page.
fn headings(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').strip_prefix(' ')?;
        let kept = title.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
        let anchor = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() });
        line.starts_with('#').then(|| anchor.collect())
    };
    prose(text).lines().filter_map(heading).collect()
}

/// A claim names its test; so the test must be there.
#[test]
fn what_is_named_as_proof_exists() {
    let mut pages = pages();
    pages.extend(files("src", ".rs"));
    let mut named = 0;
    for path in pages {
        let text = read(&path);
        for (at, _) in text.match_indices("`tests/") {
            let target = text[at + 1..].split('`').next().unwrap_or_default();
            assert!(root().join(target).exists(), "{} names {target}", path.display());
            named += 1;
        }
    }
    assert!(named > 0);
}

#[test]
fn the_front_page_is_short_and_says_what_the_readme_says() {
    let front = read("src/lib.rs");
    assert!(front.lines().count() <= 150, "src/lib.rs has {} lines", front.lines().count());
    let readme = read("README.md");
    let code = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let code = code.expect("the README begins with code");
    let does = |line: &&str| !line.is_empty() && !line.starts_with("use ");
    assert_eq!(code.lines().filter(does).count(), 5, "five lines");
    for line in code.lines() {
        let line = line.replace("\"orders.tsv\"", "&path").replace("    ", "");
        assert!(front.contains(line.trim()), "not on the tested front page: {line}");
    }
}

#[test]
fn the_readme_begins_with_two_commands() {
    let readme = read("README.md");
    let screen: Vec<&str> = readme.lines().take(40).collect();
    let begin = screen.iter().position(|line| *line == "```console").expect("the commands");
    let commands: Vec<&str> = screen[begin + 1..]
        .iter()
        .take_while(|line| **line != "```")
        .map(|line| line.split('#').next().unwrap_or_default().trim_end())
        .collect();
    assert_eq!(commands, ["$ cargo run --release --example merged_sink", "$ cargo test"]);
}

#[test]
fn the_glossary_is_in_order_and_says_each_word_once() {
    let text = read("docs/glossary.md");
    let words: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect();
    assert!(words.is_sorted_by(|a, b| a < b), "{words:?}");
}
