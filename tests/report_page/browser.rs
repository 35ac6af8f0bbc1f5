//! Headless Chromium for tests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time a page may take to open.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that can be started.
pub(crate) struct Browser {
    program: PathBuf,
}

/// What the reader's system asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// What a page became.
pub(crate) struct Seen {
    pub(crate) dom: String,
    /// Lines that the page wrote to the console.
    pub(crate) complaints: Vec<String>,
}

impl Browser {
    /// The browser named by `KENYON_CHROMIUM`, or the first one on the path.
    pub(crate) fn find() -> Option<Self> {
        if let Some(program) = std::env::var_os("KENYON_CHROMIUM") {
            return Some(Self { program: program.into() });
        }
        let path = std::env::var_os("PATH")?;
        let names = ["chromium", "chromium-browser", "google-chrome"];
        std::env::split_paths(&path)
            .flat_map(|dir| names.map(|name| dir.join(name)))
            .find(|program| program.is_file())
            .map(|program| Self { program })
    }

    /// Opens `page` in a window of `width` pixels.
    pub(crate) fn open(&self, page: &Path, scheme: Scheme, width: u32) -> Seen {
        let (dom, log) = self.run(page, scheme, (width, 900), &["--dump-dom".into()]);
        let complaints = log.lines().filter(|l| l.contains("CONSOLE")).map(str::to_string).collect();
        Seen { dom, complaints }
    }

    /// Saves a picture of the whole of `page`.
    pub(crate) fn picture(&self, page: &Path, scheme: Scheme, width: u32, to: &Path) {
        let height = if width > 800 { 4600 } else { 7400 };
        self.run(page, scheme, (width, height), &[format!("--screenshot={}", to.display())]);
        assert!(to.is_file(), "no picture was made");
    }

    fn run(&self, page: &Path, scheme: Scheme, (width, height): (u32, u32), args: &[String]) -> (String, String) {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let (out, log) = (profile.path().join("out"), profile.path().join("log"));
        let wanted = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let mut child = Command::new(&self.program)
            .args([
                "--headless",
                "--disable-gpu",
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
            ])
            .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--blink-settings=preferredColorScheme={wanted}"))
            .arg(format!("--window-size={width},{height}"))
            .args(args)
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(File::create(&out).expect("created"))
            .stderr(File::create(&log).expect("created"))
            .spawn()
            .expect("the browser starts");
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().expect("it is ours");
                child.wait().expect("it is ours");
                panic!("the browser did not finish:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).expect("there")).into_owned();
        let (out, log) = (read(&out), read(&log));
        assert!(status.success(), "the browser failed:\n{log}");
        (out, log)
    }
}
