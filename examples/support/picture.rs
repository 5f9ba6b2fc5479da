//! Where the timeline of a scene goes, and in which form.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use brigade::timeline::Timeline;

use super::Row;

/// What `--timeline` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// The terminal.
    Here,
    /// A file, in the form that its name says.
    File(PathBuf, Form),
}

/// How a timeline is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a document.
    Svg,
    /// For Perfetto.
    Json,
    /// For a terminal.
    Text,
}

impl FromStr for Picture {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Here);
        }
        let path = PathBuf::from(text);
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => Form::Svg,
            Some("json") => Form::Json,
            Some("txt") => Form::Text,
            _ => return Err("give a name that ends in .svg, .json or .txt, or - to see it here"),
        };
        Ok(Self::File(path, form))
    }
}

impl Picture {
    /// Draws the timeline of the part with this number, from 1, and gives what is to be shown of
    /// that.
    pub fn draw(&self, timeline: &Timeline, title: &str, part: usize) -> Result<String, String> {
        let mut shown = String::new();
        match self {
            Self::Here => {
                let _ = write!(shown, "\n{timeline}");
            }
            Self::File(path, form) => {
                let path = numbered(path, part);
                let drawn = match form {
                    Form::Svg => timeline.to_svg(title),
                    Form::Json => timeline.to_chrome_trace(),
                    Form::Text => timeline.to_string(),
                };
                let name = path.display();
                fs::write(&path, drawn).map_err(|error| format!("{name}: {error}"))?;
                let _ = write!(shown, "{}", Row("timeline", name));
            }
        }
        Ok(shown)
    }
}

/// `soup.svg`, `soup-2.svg`, `soup-3.svg`.
fn numbered(path: &std::path::Path, part: usize) -> PathBuf {
    if part == 1 {
        return path.into();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{part}.{extension}"))
}
