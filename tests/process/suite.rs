//! What is asked of process workers.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use brigade::pool::{
    BuildError, Overflow, Refusal, Shutdown, TaskError, Until, Window, as_completed, wait,
};
use brigade::process::{Builder, Job, ProcessPool, WorkerError};

use crate::jobs::*;
use crate::parts::{BEAT, CALL_HANG, HELLO};
use crate::watchdog::step;

pub(crate) static ALL: &[(&str, fn())] = &[
    ("arguments_and_results_go_there_and_back", arguments_and_results_go_there_and_back),
    ("maps_and_gathering_are_those_of_threads", maps_and_gathering_are_those_of_threads),
    ("processes_are_used_again", processes_are_used_again),
    ("a_panic_arrives_with_its_message", a_panic_arrives_with_its_message),
    ("a_death_costs_one_job", a_death_costs_one_job),
    ("a_worker_that_dies_idle_costs_nothing", a_worker_that_dies_idle_costs_nothing),
    ("a_worker_that_dies_idle_is_buried", a_worker_that_dies_idle_is_buried),
    ("what_a_worker_has_started_goes_with_it", what_a_worker_has_started_goes_with_it),
    (
        "what_a_worker_has_started_goes_with_the_parent",
        what_a_worker_has_started_goes_with_the_parent,
    ),
    ("a_job_that_may_run_again_survives_deaths", a_job_that_may_run_again_survives_deaths),
    ("many_deaths_among_many_jobs", many_deaths_among_many_jobs),
    ("a_job_that_takes_too_long_is_killed", a_job_that_takes_too_long_is_killed),
    ("a_worker_that_is_stopped_is_found_out", a_worker_that_is_stopped_is_found_out),
    ("a_worker_at_a_long_job_is_alive", a_worker_at_a_long_job_is_alive),
    ("a_worker_gives_signs_of_life", a_worker_gives_signs_of_life),
    ("cancelling_kills", cancelling_kills),
    ("cancelling_kills_what_has_not_reported_yet", cancelling_kills_what_has_not_reported_yet),
    ("cancelling_ends_the_wait_for_a_process", cancelling_ends_the_wait_for_a_process),
    ("cancelling_the_pool_kills", cancelling_the_pool_kills),
    ("a_pool_that_a_panic_drops_kills", a_pool_that_a_panic_drops_kills),
    ("a_pool_may_end_in_its_own_worker", a_pool_may_end_in_its_own_worker),
    ("a_process_is_replaced_after_so_many_jobs", a_process_is_replaced_after_so_many_jobs),
    ("values_that_cannot_be_sent", values_that_cannot_be_sent),
    ("crashes_while_values_are_read_and_written", crashes_while_values_are_read_and_written),
    ("jobs_that_do_not_fit", jobs_that_do_not_fit),
    ("programs_that_are_no_workers", programs_that_are_no_workers),
    ("a_worker_that_answers_garbage", a_worker_that_answers_garbage),
    ("what_is_altered_on_the_way_is_not_believed", what_is_altered_on_the_way_is_not_believed),
    ("a_worker_that_does_not_listen", a_worker_that_does_not_listen),
    (
        "a_forgotten_init_is_an_error_and_no_fork_bomb",
        a_forgotten_init_is_an_error_and_no_fork_bomb,
    ),
    ("bad_options_are_errors", bad_options_are_errors),
    ("input_and_output_are_left_alone", input_and_output_are_left_alone),
    ("workers_die_with_their_parent", workers_die_with_their_parent),
    ("a_worker_that_comes_too_late_does_nothing", a_worker_that_comes_too_late_does_nothing),
    ("a_worker_may_have_workers", a_worker_may_have_workers),
    ("what_a_worker_starts_is_no_worker", what_a_worker_starts_is_no_worker),
    ("a_full_queue_gives_the_arguments_back", a_full_queue_gives_the_arguments_back),
    ("a_pool_that_is_shut_down_says_so", a_pool_that_is_shut_down_says_so),
];

fn pool(workers: usize) -> ProcessPool {
    builder(workers).build().expect("a sound pool")
}

/// What is started here comes up some time, however busy the machine.
fn builder(workers: usize) -> Builder {
    ProcessPool::builder().workers(workers).start_timeout(Duration::from_secs(50))
}

fn playing(part: &str) -> ProcessPool {
    let this = std::env::current_exe().expect("a path");
    builder(1).program(this, [part]).build().expect("a sound pool")
}

fn temp() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Who wrote this file, once it is there.
fn told(path: &Path) -> u32 {
    loop {
        if let Ok(text) = std::fs::read_to_string(path) {
            return text.parse().expect("a process id");
        }
        std::thread::yield_now();
    }
}

/// Whether a process is dead, be it that nobody has looked yet.
fn is_dead(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
}

fn wait_for_death(pid: u32) {
    step(format!("process {pid} dies"));
    while !is_dead(pid) {
        std::thread::yield_now();
    }
}

fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
}

fn arguments_and_results_go_there_and_back() {
    let pool = pool(2);
    assert_eq!(pool.submit(&SQUARE, 12).result().unwrap(), 144);
    for size in [0, 1, 4095, 4096, 1 << 20, 10 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let mut reversed = bytes.clone();
        reversed.reverse();
        assert!(pool.submit(&REVERSE, bytes).result().unwrap() == reversed, "{size} bytes");
    }
    let map =
        BTreeMap::from([("a".to_owned(), Some(40)), (String::new(), None), ("c".into(), Some(2))]);
    assert_eq!(pool.submit(&COUNT, map).result().unwrap(), Ok(42));
    assert_eq!(pool.submit(&COUNT, BTreeMap::new()).result().unwrap(), Err("nothing".into()));
}

fn maps_and_gathering_are_those_of_threads() {
    let pool = pool(2);
    let squares: Vec<u64> = pool.map(0..50, Window(8), &SQUARE).map(Result::unwrap).collect();
    assert_eq!(squares, (0..50).map(|n| n * n).collect::<Vec<_>>());
    let sum: u64 = pool.map_unordered(0..50, Window(8), &SQUARE).map(Result::unwrap).sum();
    assert_eq!(sum, squares.into_iter().sum::<u64>());
    let futures: Vec<_> = (0..10).map(|n| pool.submit(&SQUARE, n)).collect();
    assert_eq!(wait(&futures, Until::All, None).done.len(), 10);
    let total: u64 = as_completed(futures).map(|future| future.result().unwrap()).sum();
    assert_eq!(total, 285);
}

fn processes_are_used_again() {
    let pool = pool(3);
    let pids: HashSet<u32> = pool.map(vec![(); 60], Window(6), &PID).map(Result::unwrap).collect();
    assert!(pids.len() <= 3 && !pids.contains(&std::process::id()), "{pids:?}");
    assert_eq!(pool.idle(), pids.len());
}

fn a_panic_arrives_with_its_message() {
    let pool = pool(1);
    let pid = pool.submit(&PID, ()).result().unwrap();
    match pool.submit(&PANIC, "the toast is burnt".into()).result() {
        Err(TaskError::Panicked(panic)) => {
            assert_eq!(panic.message(), Some("the toast is burnt"));
            assert!(panic.into_payload().is::<String>());
        }
        other => panic!("{other:?}"),
    }
    match pool.submit(&PANIC_WITH, 7).result() {
        Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), None),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.submit(&PID, ()).result().unwrap(), pid, "it costs no process");
}

#[track_caller]
fn died<T: std::fmt::Debug>(outcome: Result<T, TaskError>) -> (Option<i32>, Option<i32>, u32) {
    match outcome {
        Err(TaskError::Worker(WorkerError::Died { status, signal, attempts, .. })) => {
            (status, signal, attempts)
        }
        other => panic!("{other:?}"),
    }
}

fn a_death_costs_one_job() {
    let pool = pool(2);
    let dir = temp();
    let path = dir.path().join("other");
    let other = pool.submit(&HANG, Some(path.clone()));
    let other_pid = told(&path);
    assert_eq!(died(pool.submit(&EXIT, 3).result()), (Some(3), None, 1));
    assert_eq!(died(pool.submit(&EXIT, 0).result()), (Some(0), None, 1));
    assert_eq!(died(pool.submit(&ABORT, ()).result()), (None, Some(6), 1));
    assert_eq!(died(pool.submit(&KILL_9, ()).result()), (None, Some(9), 1));
    assert_eq!(pool.submit(&SQUARE, 5).result().unwrap(), 25);
    assert!(!is_dead(other_pid) && other.is_running());
    kill(other_pid);
    let error = other.result().unwrap_err();
    let text = "the process that ran the job \"hang\" was killed by signal 9; \
                if the job may run twice, give it retries";
    assert_eq!(error.to_string(), text);
}

fn a_worker_that_dies_idle_costs_nothing() {
    let pool = pool(2);
    for _ in 0..5 {
        let pid = pool.submit(&PID, ()).result().unwrap();
        kill(pid);
        wait_for_death(pid);
        assert_eq!(pool.submit(&SQUARE, 3).result().unwrap(), 9);
    }
}

/// Nobody asks for it, and still there is no zombie.
fn a_worker_that_dies_idle_is_buried() {
    let pool = pool(2);
    let pid = pool.submit(&PID, ()).result().unwrap();
    kill(pid);
    step("the dead process is fetched");
    while Path::new(&format!("/proc/{pid}")).exists() || pool.idle() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(pool.submit(&SQUARE, 3).result().unwrap(), 9);
}

/// A pipe for what a worker leaves, and one without an end beside it.
fn pipe(dir: &Path) -> PathBuf {
    let path = dir.join("pipe");
    let made = Command::new("mkfifo").arg(&path).arg(path.with_extension("endless")).status();
    assert!(made.expect("mkfifo").success());
    path
}

/// What has been left and lives as long as the pipe has no end.
fn left_behind(pipe: &Path) -> BufReader<File> {
    step("something is left behind");
    let mut reader = BufReader::new(File::open(pipe).expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert_eq!(line, "here\n");
    reader
}

fn wait_for_its_end(mut left_behind: BufReader<File>) {
    step("what was left behind ends");
    let mut rest = String::new();
    left_behind.read_to_string(&mut rest).expect("an end");
    assert_eq!(rest, "");
}

fn what_a_worker_has_started_goes_with_it() {
    let dir = temp();
    let pipe = pipe(dir.path());
    for then in [Then::Stay, Then::Die, Then::Return] {
        let pool = pool(1);
        let job = pool.submit(&LEAVE, (pipe.clone(), then));
        let left = left_behind(&pipe);
        match then {
            Then::Stay => {
                job.cancel();
                assert!(matches!(job.result(), Err(TaskError::Cancelled)));
            }
            Then::Die => assert_eq!(died(job.result()), (None, Some(6), 1)),
            Then::Return => {
                job.result().unwrap();
                drop(pool);
            }
        }
        wait_for_its_end(left);
    }
}

/// Also if the worker has long returned from the job that left it.
fn what_a_worker_has_started_goes_with_the_parent() {
    let this = std::env::current_exe().unwrap();
    for (part, is_idle) in [("part-parent-of-leaver", false), ("part-parent-of-idle-leaver", true)]
    {
        let dir = temp();
        let pipe = pipe(dir.path());
        let parent = Command::new(&this).arg(part).arg(&pipe).spawn();
        let mut parent = parent.expect("a parent");
        let left = left_behind(&pipe);
        if is_idle {
            told(&pipe.with_extension("idle"));
        }
        parent.kill().expect("it lives");
        parent.wait().expect("it is dead");
        wait_for_its_end(left);
    }
}

fn a_job_that_may_run_again_survives_deaths() {
    let pool = pool(1);
    let dir = temp();
    assert_eq!(pool.submit(&TWICE, dir.path().join("a")).result().unwrap(), "survived");
    assert_eq!(died(pool.submit(&ONCE, dir.path().join("b")).result()), (None, Some(6), 2));
}

fn many_deaths_among_many_jobs() {
    let pool = pool(3);
    let dir = temp();
    let dying: Vec<_> =
        (0..10).map(|n| pool.submit(&TWICE, dir.path().join(n.to_string()))).collect();
    let aborts: Vec<_> = (0..10).map(|_| pool.submit(&ABORT, ())).collect();
    let squares: Vec<u64> = pool.map(0..100, Window(10), &SQUARE).map(Result::unwrap).collect();
    assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
    for job in dying {
        assert_eq!(job.result().unwrap(), "survived");
    }
    for job in aborts {
        assert_eq!(died(job.result()), (None, Some(6), 1));
    }
}

fn a_job_that_takes_too_long_is_killed() {
    let pool = pool(1);
    let dir = temp();
    let path = dir.path().join("slow");
    match pool.submit(&SHORT_OF_TIME, Some(path.clone())).result() {
        Err(TaskError::Worker(WorkerError::TimedOut { job, limit })) => {
            assert_eq!((job, limit), ("short of time", Duration::from_millis(30)));
        }
        other => panic!("{other:?}"),
    }
    if path.exists() {
        wait_for_death(told(&path));
    }
    // A limit of one job is none of the next.
    assert_eq!(pool.submit(&SQUARE, 3).result().unwrap(), 9);
}

fn a_worker_that_is_stopped_is_found_out() {
    static TWICE_STOPPED: Job<(), ()> = Job::new("stop", |()| ()).retries(1);
    let patience = Duration::from_millis(100);
    let pool = builder(1).heartbeat(patience).build().unwrap();
    for (stop, tries) in [(&STOP, 1), (&TWICE_STOPPED, 2)] {
        match pool.submit(stop, ()).result() {
            Err(TaskError::Worker(WorkerError::Silent { job, limit, attempts })) => {
                assert_eq!((job, limit, attempts), ("stop", patience, tries));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(pool.submit(&PATIENT, 3).result().unwrap(), 9);
    }
}

/// Whatever it takes: it says that it lives.
fn a_worker_at_a_long_job_is_alive() {
    let pool = builder(1).heartbeat(LINGER_PATIENCE).build().unwrap();
    assert_ne!(pool.submit(&LINGER, ()).result().unwrap(), std::process::id());
}

/// Hears a worker without the pool: it greets, and while it is at a job it beats.
fn a_worker_gives_signs_of_life() {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let mut worker = Command::new(std::env::current_exe().expect("a path"))
        .env("BRIGADE_WORKER_OF", std::process::id().to_string())
        .env("BRIGADE_WORKER_BEATS", "1")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .process_group(0)
        .spawn()
        .expect("a worker");
    let hear = |expected: &[u8]| {
        let mut heard = vec![0; expected.len()];
        (&ours).read_exact(&mut heard).expect("a frame");
        assert_eq!(heard, expected);
    };
    step("it greets");
    hear(HELLO);
    (&ours).write_all(CALL_HANG).expect("a call");
    step("it beats");
    (0..10).for_each(|_| hear(BEAT));
    drop(ours);
    step("it ends with the socket");
    assert_eq!(worker.wait().expect("a status").signal(), Some(9));
}

fn cancelling_kills() {
    let pool = pool(1);
    let dir = temp();
    for n in 0..5 {
        let path = dir.path().join(n.to_string());
        let job = pool.submit(&HANG, Some(path.clone()));
        let pid = told(&path);
        let queued = pool.submit(&SQUARE, 4);
        assert!(!job.cancel(), "it has begun");
        assert!(matches!(job.result(), Err(TaskError::Cancelled)));
        assert!(is_dead(pid));
        assert_eq!(queued.result().unwrap(), 16);
    }
}

fn cancelling_kills_what_has_not_reported_yet() {
    let dir = temp();
    let path = dir.path().join("silent");
    let this = std::env::current_exe().expect("a path");
    let silent = builder(1).program(this, ["part-late".as_ref(), path.as_os_str()]);
    let silent = silent.start_timeout(Duration::MAX).build().expect("a sound pool");
    let job = silent.submit(&SQUARE, 1);
    let pid = told(&path);
    assert!(!job.cancel(), "it has begun");
    assert!(matches!(job.result(), Err(TaskError::Cancelled)));
    assert!(is_dead(pid));
}

/// Whoever waits for a result makes the call, if there is a process; here there is none to be had.
fn cancelling_ends_the_wait_for_a_process() {
    let pool = pool(1);
    let dir = temp();
    let path = dir.path().join("busy");
    let busy = pool.submit(&HANG, Some(path.clone()));
    told(&path);
    let waits = pool.submit(&SQUARE, 4);
    std::thread::scope(|s| {
        let waiter = s.spawn(|| wait(std::slice::from_ref(&waits), Until::All, None).done);
        while !waits.is_running() {
            std::thread::yield_now();
        }
        assert!(!waits.cancel(), "it has begun");
        assert_eq!(waiter.join().unwrap(), [0]);
    });
    assert!(matches!(waits.result(), Err(TaskError::Cancelled)));
    assert!(!busy.cancel() && matches!(busy.result(), Err(TaskError::Cancelled)));
}

fn cancelling_the_pool_kills() {
    let pool = pool(2);
    let dir = temp();
    let paths: Vec<PathBuf> = (0..2).map(|n| dir.path().join(n.to_string())).collect();
    let jobs: Vec<_> = paths.iter().map(|path| pool.submit(&HANG, Some(path.clone()))).collect();
    let pids: Vec<u32> = paths.iter().map(|path| told(path)).collect();
    let queued = pool.submit(&SQUARE, 1);
    pool.shutdown(Shutdown::CancelPending);
    assert!(pids.into_iter().all(is_dead));
    assert!(jobs.into_iter().all(|job| matches!(job.result(), Err(TaskError::Cancelled))));
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
}

fn a_pool_that_a_panic_drops_kills() {
    let dir = temp();
    let path = dir.path().join("hangs");
    let (mut job, mut pid) = (None, 0);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let pool = pool(1);
        job = Some(pool.submit(&HANG, Some(path.clone())));
        pid = told(&path);
        resume_unwind(Box::new("with a pool in hand"));
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"with a pool in hand"));
    assert!(is_dead(pid));
    assert!(matches!(job.expect("a job").result(), Err(TaskError::Cancelled)));
}

/// A callback has the last hold of it, on the thread that talks to the process.
fn a_pool_may_end_in_its_own_worker() {
    let pool = pool(1);
    let dir = temp();
    let path = dir.path().join("first");
    let first = pool.submit(&HANG, Some(path.clone()));
    let pid = told(&path);
    let queued = pool.submit(&SQUARE, 3);
    let caller = std::thread::current().id();
    let (tell, told) = std::sync::mpsc::channel();
    queued.on_done(move |_| {
        drop(pool);
        tell.send(std::thread::current().id()).expect("somebody listens");
    });
    kill(pid);
    step("the pool ends");
    assert_ne!(told.recv().expect("the callback is called"), caller);
    assert_eq!(died(first.result()), (None, Some(9), 1));
    assert_eq!(queued.result().unwrap(), 9);
}

fn a_process_is_replaced_after_so_many_jobs() {
    let pool = builder(1).max_tasks_per_child(3).build().unwrap();
    let pids: Vec<u32> = (0..9).map(|_| pool.submit(&PID, ()).result().unwrap()).collect();
    let distinct: HashSet<_> = pids.iter().collect();
    assert_eq!(distinct.len(), 3, "{pids:?}");
    assert!(pids.chunks(3).all(|chunk| chunk.iter().all(|pid| *pid == chunk[0])));
    assert_eq!(pool.idle(), 0);
    // gh-115634: it must not hang with more jobs than processes live for.
    let pool = builder(2).max_tasks_per_child(1).build().unwrap();
    let squares: u64 = pool.map(0..20, Window(20), &SQUARE).map(Result::unwrap).sum();
    assert_eq!(squares, 2470);
}

fn values_that_cannot_be_sent() {
    let pool = pool(1);
    let job = pool.submit(&TAKE, Evil::RefusesToBeWritten);
    assert!(job.is_done(), "nothing was sent");
    match job.result() {
        Err(TaskError::Worker(WorkerError::Encode { job, .. })) => assert_eq!(job, "take"),
        other => panic!("{other:?}"),
    }
    assert!(pool.try_submit(&TAKE, Evil::RefusesToBeWritten).unwrap().is_done());
    assert_eq!(pool.idle(), 0, "no process was started for it");
    let misfit = |outcome: Result<Evil, TaskError>| {
        matches!(outcome, Err(TaskError::Worker(WorkerError::Decode { .. })))
    };
    assert!(misfit(pool.submit(&TAKE, Evil::RefusesToBeRead).result().map(|()| unreachable!())));
    assert!(misfit(pool.submit(&GIVE, 0).result()), "the result refuses to be written");
    assert!(misfit(pool.submit(&GIVE, 1).result()), "the result refuses to be read");
    match pool.submit(&GIVE, 4).result() {
        Err(TaskError::Panicked(panic)) => {
            assert_eq!(panic.message(), Some("while it was written"));
        }
        other => panic!("{other:?}"),
    }
}

/// CPython's `test_deadlock`: crashes at unpickling, while running, at pickling.
fn crashes_while_values_are_read_and_written() {
    let pool = pool(2);
    assert_eq!(died(pool.submit(&TAKE, Evil::AbortsWhenRead).result()), (None, Some(6), 1));
    assert_eq!(died(pool.submit(&GIVE, 3).result()), (None, Some(6), 1));
    // A big payload into a process that dies.
    let jobs: Vec<_> = (0..4)
        .map(|_| (pool.submit(&ABORT, ()), pool.submit(&REVERSE, vec![1; 4 << 20])))
        .collect();
    for (abort, reverse) in jobs {
        died(abort.result());
        assert_eq!(reverse.result().unwrap().len(), 4 << 20);
    }
    // During shutdown.
    let last = pool.submit(&ABORT, ());
    drop(pool);
    died(last.result());
}

fn jobs_that_do_not_fit() {
    let pool = pool(1);
    match pool.submit(&UNKNOWN, 1).result() {
        Err(TaskError::Worker(WorkerError::UnknownJob { job })) => assert_eq!(job, "unknown"),
        other => panic!("{other:?}"),
    }
    match pool.submit(&SQUARE_OF_TEXT, "five".into()).result() {
        Err(TaskError::Worker(WorkerError::Decode { job, .. })) => assert_eq!(job, "square"),
        other => panic!("{other:?}"),
    }
    match pool.submit(&SQUARE_TO_TEXT, 5).result() {
        Err(TaskError::Worker(WorkerError::Decode { .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.submit(&SQUARE, 5).result().unwrap(), 25);
}

#[track_caller]
fn no_worker(pool: &ProcessPool) -> (Option<i32>, Option<i32>, Option<Duration>) {
    match pool.submit(&SQUARE, 1).result() {
        Err(TaskError::Worker(WorkerError::NoWorker { status, signal, silent })) => {
            (status, signal, silent)
        }
        other => panic!("{other:?}"),
    }
}

fn programs_that_are_no_workers() {
    assert_eq!(no_worker(&playing("part-ends")), (Some(7), None, None));
    let (_, signal, _) = no_worker(&playing("part-old"));
    assert_eq!(signal, Some(9), "it speaks another version, and was killed");
    let limit = Duration::from_millis(20);
    let this = std::env::current_exe().unwrap();
    let silent = builder(1).program(this, ["part-silent"]).start_timeout(limit).build().unwrap();
    assert_eq!(no_worker(&silent), (None, None, Some(limit)));
    let error = silent.submit(&SQUARE, 1).result().unwrap_err().to_string();
    assert!(error.ends_with("call process::init first in its main"), "{error}");
    let nothing: [&str; 0] = [];
    let missing = builder(1).program("/no/such/program", nothing).build().unwrap();
    match missing.submit(&SQUARE, 1).result() {
        Err(TaskError::Worker(WorkerError::Start(error))) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
    let talker = builder(1).program("/bin/sh", ["-c", "echo garbage >&0"]).build().unwrap();
    no_worker(&talker);
}

fn a_worker_that_answers_garbage() {
    let liar = playing("part-liar");
    for _ in 0..3 {
        match liar.submit(&SQUARE, 1).result() {
            Err(TaskError::Worker(WorkerError::Garbage { job, found })) => {
                assert_eq!(job, "square");
                assert!(found.starts_with("74 68 69 73"), "{found}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The first process alters its answer, and the second has got an altered call; the third is as it should be.
fn what_is_altered_on_the_way_is_not_believed() {
    let dir = temp();
    let path = dir.path().join("tries");
    let this = std::env::current_exe().expect("a path");
    let alters = builder(1).program(this, ["part-alters".as_ref(), path.as_os_str()]);
    let alters = alters.build().expect("a sound pool");
    for expected in [true, false] {
        match alters.submit(&SQUARE, 2).result() {
            Err(TaskError::Worker(WorkerError::Altered { job, may_have_run })) => {
                assert_eq!((job, may_have_run), ("square", expected));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(alters.submit(&SQUARE, 2).result().unwrap(), 4);
}

/// What is written to it does not fit into the socket: the limit of the job ends that too.
fn a_worker_that_does_not_listen() {
    static SLOW: Job<Vec<u8>, Vec<u8>> =
        Job::new("reverse", |bytes| bytes).timeout(Duration::from_millis(30));
    let deaf = playing("part-deaf");
    match deaf.submit(&SLOW, vec![0; 8 << 20]).result() {
        Err(TaskError::Worker(WorkerError::TimedOut { .. })) => {}
        other => panic!("{other:?}"),
    }
}

fn a_forgotten_init_is_an_error_and_no_fork_bomb() {
    assert_eq!(no_worker(&playing("part-forgetful")), (Some(3), None, None));
    let said = BuildError::NotInitialised.to_string();
    assert!(said.ends_with("make that the first line of main"), "{said}");
}

fn bad_options_are_errors() {
    assert_eq!(builder(0).build().unwrap_err(), BuildError::NoWorkers);
    assert_eq!(builder(1).queue(0, Overflow::Block).build().unwrap_err(), BuildError::NoQueue);
    assert_eq!(builder(1).max_tasks_per_child(0).build().unwrap_err(), BuildError::NoWorkers);
    assert_eq!(builder(1).heartbeat(Duration::ZERO).build().unwrap_err(), BuildError::NoPatience);
    let wide = builder(usize::MAX / 8).max_tasks_per_child(u64::MAX);
    drop(wide);
}

fn input_and_output_are_left_alone() {
    assert_eq!(pool(1).submit(&INPUT, ()).result().unwrap(), 0);
    let printer = Command::new(std::env::current_exe().unwrap()).arg("part-printer").output();
    let printer = printer.expect("a printer");
    let shown = String::from_utf8_lossy(&printer.stdout);
    assert_eq!(shown, "from a worker\n13 bytes from a worker\n");
}

/// The parent is killed while its worker is at a job that never ends.
fn workers_die_with_their_parent() {
    let dir = temp();
    let path = dir.path().join("orphan");
    let this = std::env::current_exe().unwrap();
    let mut parent = Command::new(this).arg("part-parent").arg(&path).spawn().expect("a parent");
    let orphan = told(&path);
    assert!(!is_dead(orphan));
    parent.kill().expect("it lives");
    parent.wait().expect("it is dead");
    wait_for_death(orphan);
}

/// The parent is killed while its worker is on its way to `init`.
fn a_worker_that_comes_too_late_does_nothing() {
    let dir = temp();
    let path = dir.path().join("late");
    let this = std::env::current_exe().unwrap();
    let parent = Command::new(this).arg("part-parent-of-late").arg(&path).spawn();
    let mut parent = parent.expect("a parent");
    let late = told(&path);
    parent.kill().expect("it lives");
    parent.wait().expect("it is dead");
    wait_for_death(late);
    assert!(!path.with_extension("went-on").exists(), "it went on as the program would");
}

fn a_worker_may_have_workers() {
    assert_eq!(pool(1).submit(&NESTED, 9).result().unwrap(), 81);
}

fn what_a_worker_starts_is_no_worker() {
    assert_eq!(pool(1).submit(&GRANDCHILD, ()).result().unwrap(), "no worker");
}

fn a_full_queue_gives_the_arguments_back() {
    let pool = builder(1).queue(1, Overflow::Reject).build().unwrap();
    let dir = temp();
    let path = dir.path().join("busy");
    let busy = pool.submit(&HANG, Some(path.clone()));
    told(&path);
    let queued = pool.submit(&REVERSE, vec![1, 2]);
    let refused = pool.try_submit(&REVERSE, vec![3, 4]).unwrap_err();
    assert_eq!(refused.into_inner(), [3, 4]);
    assert!(matches!(pool.submit(&SQUARE, 1).result(), Err(TaskError::Rejected)));
    busy.cancel();
    assert_eq!(queued.result().unwrap(), [2, 1]);
}

fn a_pool_that_is_shut_down_says_so() {
    let pool = pool(1);
    let before = pool.submit(&SQUARE, 3);
    pool.shutdown(Shutdown::Drain);
    assert_eq!(before.result().unwrap(), 9);
    assert_eq!(pool.idle(), 0);
    assert!(matches!(pool.submit(&SQUARE, 3).result(), Err(TaskError::PoolClosed)));
    let refused = pool.try_submit(&REVERSE, vec![1, 2]).unwrap_err();
    assert!(matches!(refused.reason, Refusal::Closed));
    assert_eq!(refused.into_inner(), [1, 2]);
}
