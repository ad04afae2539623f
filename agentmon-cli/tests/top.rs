//! `agentmon top` in a real terminal: tmux types the keys and reads the screen.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long something may take to appear. Build machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of its own with a shell in which one command runs.
struct Terminal {
    socket: String,
    home: TempDir,
    temporary: TempDir,
}

impl Terminal {
    /// Runs `agentmon ARGUMENTS` on 80 columns and 24 lines; `None` without tmux.
    fn run(name: &str, arguments: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("SKIPPED: tmux is not installed");
            return None;
        }
        let terminal = Self {
            socket: format!("agentmon-{}-{name}", std::process::id()),
            home: tempfile::tempdir().unwrap(),
            temporary: tempfile::tempdir().unwrap(),
        };
        let agentmon = assert_cmd::cargo::cargo_bin!("agentmon").display();
        let (home, temporary) = (terminal.home.path(), terminal.temporary.path());
        let script = format!(
            "HOME={} TMPDIR={} {agentmon} {arguments}; echo EXIT=$?; stty -a | grep -ow '[-]*icanon'; exec sleep 300",
            home.display(),
            temporary.display(),
        );
        terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "sh",
            "-c",
            &script,
        ]);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.socket, "-f", "/dev/null"])
            .args(arguments)
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("TMUX")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as it should be, and returns it.
    fn until(&self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.screen();
            if done(&screen) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "no {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn shows(&self, words: &str) -> String {
        self.until(words, |screen| screen.contains(words))
    }

    /// The process that runs in the shell.
    fn process(&self) -> u32 {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        children.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The command has ended, the terminal is as it was before, and nothing is left behind.
    fn is_given_back(&self) {
        let screen = self.shows("icanon");
        assert!(screen.contains("EXIT=0"), "{screen}");
        assert!(!screen.contains("-icanon"), "{screen}");
        assert!(!screen.contains("Needs you"), "{screen}");
        let left = fs::read_dir(self.temporary.path()).unwrap().count();
        assert_eq!(left, 0, "the demo's folder is still there");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// The line under the cursor.
fn selected(screen: &str) -> &str {
    let line = screen.lines().find(|line| line.starts_with('▶'));
    line.unwrap_or_default()
}

#[test]
fn keys_lead_through_the_board_of_the_demo() {
    let Some(terminal) = Terminal::run("keys", "--demo top") else {
        return;
    };
    let screen = terminal.shows("Needs you (");
    for words in [
        "agentmon", "need you", "Today $", "codex 5h", "question", "? help",
    ] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );

    let first = selected(&screen).to_owned();
    terminal.press(&["j"]);
    terminal.until("next", |screen| {
        selected(screen) != first && !selected(screen).is_empty()
    });
    terminal.press(&["k"]);
    terminal.until("first", |screen| !selected(screen).is_empty());

    // A filter leaves one session, whose details give the evidence.
    terminal.press(&["/"]);
    terminal.press(&["-l", "plan docs"]);
    terminal.press(&["Enter"]);
    let screen = terminal.until("one session", |screen| {
        screen.contains("Needs you (1)") && !screen.contains("Working (")
    });
    assert!(selected(&screen).contains("docs-site@search"), "{screen}");
    terminal.press(&["Enter"]);
    let screen = terminal.shows("Because");
    assert!(
        screen.contains("live_file") && screen.contains("Search for the docs"),
        "{screen}"
    );
    terminal.press(&["End", "PageDown", "PageDown"]);
    terminal.shows("user_prompt");
    terminal.press(&["Escape"]);
    terminal.shows("Needs you (1)");
    terminal.press(&["Escape"]);
    terminal.shows("Failed (");

    terminal.press(&["g"]);
    terminal.shows("docs-site (4)");
    terminal.press(&["s"]);
    terminal.shows("by age");
    terminal.press(&["?"]);
    terminal.shows("its process lives");
    terminal.press(&["x"]);

    // A wider terminal has room for titles.
    terminal.tmux(&["resize-window", "-x", "150", "-y", "50"]);
    terminal.until("titles", |screen| {
        let wide = screen.lines().any(|line| line.chars().count() > 100);
        wide && screen.contains("Add a column for gift notes")
    });
    terminal.press(&["q"]);
    terminal.is_given_back();
}

#[test]
fn told_to_stop_it_gives_the_terminal_back() {
    let Some(terminal) = Terminal::run("stop", "--demo top") else {
        return;
    };
    terminal.shows("Needs you (");
    let process = terminal.process().to_string();
    let kill = Command::new("kill").args(["-TERM", &process]).status();
    assert!(kill.unwrap().success());
    terminal.is_given_back();
}

#[test]
fn an_idle_board_costs_next_to_nothing() {
    let Some(terminal) = Terminal::run("idle", "top") else {
        return;
    };
    terminal.shows("Nothing is going on");
    let stat = format!("/proc/{}/stat", terminal.process());
    // Fields 14 and 15: time in the process and in the kernel for it, in hundredths of a second.
    let ticks = || -> u64 {
        let stat = fs::read_to_string(&stat).unwrap();
        let rest = stat.rsplit_once(") ").unwrap().1;
        rest.split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap())
            .sum()
    };
    std::thread::sleep(Duration::from_secs(2));
    let before = ticks();
    std::thread::sleep(Duration::from_secs(5));
    let used = ticks() - before;
    assert!(used <= 5, "{used} hundredths of a second in five seconds");
    terminal.press(&["C-c"]);
    terminal.is_given_back();
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("agentmon"))
        .arg("top")
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("agentmon watch --json"), "{message}");
}
