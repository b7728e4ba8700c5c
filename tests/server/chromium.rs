//! Debian's Chromium without a window, over a pipe: its DevTools protocol is JSON with a NUL behind each message. Nothing but
//! the browser itself stands between a test and a page; clicks and keys are real ones.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest a page may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The browser's process, which ends with this.
pub(crate) struct Chromium {
    process: Child,
    to: File,
    from: BufReader<File>,
    sent: u64,
    /// What the browser complains of by itself: above all what a policy made it block.
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

/// A window with cookies of its own.
pub(crate) struct Window {
    session: String,
}

impl Chromium {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let pipes = ["to", "from"].map(|name| profile.path().join(name));
        let made = Command::new("mkfifo").args(&pipes).status().expect("mkfifo runs");
        assert!(made.success());
        // The browser reads commands from 3 and writes to 4, which only a shell can give it.
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec chromium \"$@\" 3< \"$to\" 4> \"$from\"", "chromium"])
            .args(["--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu"])
            .args(["--no-first-run", "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars"])
            .args(["--disable-background-networking", "--no-proxy-server"])
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .arg("about:blank")
            .env("to", &pipes[0])
            .env("from", &pipes[1])
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // With all its helpers it is one group, which ends as one.
        let process = command.process_group(0).spawn().expect("chromium is installed: see tests/run");
        let to = File::options().write(true).open(&pipes[0]).expect("the shell opens the other end");
        let from = BufReader::new(File::open(&pipes[1]).expect("the shell opens the other end"));
        Self { process, to, from, sent: 0, complaints: Vec::new(), _profile: profile }
    }

    /// A new window that shares nothing with others.
    pub(crate) fn window(&mut self) -> Window {
        let context = self.ask(None, "Target.createBrowserContext", &json!({}));
        let target = self.ask(
            None,
            "Target.createTarget",
            &json!({ "url": "about:blank", "browserContextId": context["browserContextId"] }),
        );
        let attached = self.ask(
            None,
            "Target.attachToTarget",
            &json!({ "targetId": target["targetId"], "flatten": true }),
        );
        let window = Window { session: attached["sessionId"].as_str().expect("an id").to_owned() };
        for domain in ["Page", "Runtime", "Log"] {
            self.tell(&window, &format!("{domain}.enable"), &json!({}));
        }
        window
    }

    /// Goes to an address, as if it were typed.
    pub(crate) fn go(&mut self, window: &Window, address: &str) {
        let gone = self.tell(window, "Page.navigate", &json!({ "url": address }));
        assert_eq!(gone.get("errorText"), None, "{address}: {gone}");
    }

    /// Waits until an expression is true on the page.
    pub(crate) fn until(&mut self, window: &Window, expression: &str) {
        let since = Instant::now();
        loop {
            // While a page is on its way there is none to ask.
            let asked = self.try_tell(
                window,
                "Runtime.evaluate",
                &json!({ "expression": format!("document.readyState === 'complete' && Boolean({expression})") }),
            );
            if asked.is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            if since.elapsed() > PATIENCE {
                let page = self.value(window, "location.href + '\\n' + document.documentElement.outerHTML");
                panic!("never true: {expression}\n{page}\n{:?}", self.complaints);
            }
        }
    }

    /// Waits for a page that shows this text.
    pub(crate) fn until_shown(&mut self, window: &Window, text: &str) {
        self.until(window, &format!("document.body.innerText.includes({})", json!(text)));
    }

    /// What an expression comes to.
    pub(crate) fn value(&mut self, window: &Window, expression: &str) -> Value {
        let expression = json!({ "expression": expression, "returnByValue": true });
        self.tell(window, "Runtime.evaluate", &expression)["result"]["value"].clone()
    }

    /// Writes into the field that this selector names.
    pub(crate) fn write(&mut self, window: &Window, selector: &str, text: &str) {
        self.click(window, selector);
        self.tell(window, "Input.insertText", &json!({ "text": text }));
    }

    /// Presses Enter where the cursor is.
    pub(crate) fn enter(&mut self, window: &Window) {
        for kind in ["keyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
            self.tell(window, "Input.dispatchKeyEvent", &key);
        }
    }

    /// Clicks into the middle of what this selector names: nothing may lie over it.
    pub(crate) fn click(&mut self, window: &Window, selector: &str) {
        let place = self.value(
            window,
            &format!(
                "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
                 const r = e.getBoundingClientRect(); const x = r.x + r.width / 2, y = r.y + r.height / 2; \
                 return e.contains(document.elementFromPoint(x, y)) ? [x, y] : null }})()",
                json!(selector)
            ),
        );
        assert!(place.is_array(), "{selector} can't be clicked: {place}");
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.tell(window, "Input.dispatchMouseEvent", &event);
        }
    }

    /// Shows pages as on a screen of this width and in this colour scheme.
    pub(crate) fn look(&mut self, window: &Window, width: u32, scheme: &str) {
        let height = if width < 600 { 800 } else { 900 };
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tell(window, "Emulation.setDeviceMetricsOverride", &screen);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell(window, "Emulation.setEmulatedMedia", &features);
    }

    /// Keeps a picture of the page, light on a desktop and dark on a phone.
    pub(crate) fn picture(&mut self, window: &Window, name: &str) {
        for (width, scheme) in [(1200, "light"), (390, "dark")] {
            self.look(window, width, scheme);
            let wide = self.value(window, "document.documentElement.scrollWidth");
            assert!(
                wide.as_u64().is_some_and(|wide| wide <= u64::from(width)),
                "{name} is {wide} wide of {width}"
            );
            let shot = self.tell(
                window,
                "Page.captureScreenshot",
                &json!({ "format": "png", "captureBeyondViewport": true }),
            );
            let png = STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64");
            fs::write(pictures().join(format!("{name}-{scheme}-{width}.png")), png).expect("room for it");
        }
        self.look(window, 1200, "light");
    }

    /// What the browser complained of since the last time.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Waits until the browser complains of this, which it does beside its answers.
    pub(crate) fn until_complaint(&mut self, window: &Window, text: &str) {
        let since = Instant::now();
        while !self.complaints.iter().any(|said| said.contains(text)) {
            assert!(since.elapsed() < PATIENCE, "no complaint of {text}: {:?}", self.complaints);
            self.value(window, "0");
        }
    }

    fn tell(&mut self, window: &Window, method: &str, parameters: &Value) -> Value {
        self.try_tell(window, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_tell(&mut self, window: &Window, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.exchange(Some(&window.session), method, parameters)
    }

    fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.exchange(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn exchange(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).expect("JSON");
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser lives");
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).expect("the browser lives");
            assert_eq!(answer.pop(), Some(0), "the browser ended");
            let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
            if answer["id"] == self.sent {
                return match answer.get_mut("error") {
                    Some(error) => Err(error.take()),
                    None => Ok(answer["result"].take()),
                };
            }
            let entry = &answer["params"]["entry"];
            // Not that a page has no icon, nor that somebody clicked before the cursor was where the page wants it.
            let counts = entry["level"] == "error" && entry["source"] != "network";
            if answer["method"] == "Log.entryAdded" && counts {
                self.complaints.push(format!("{} ({})", entry["text"], entry["url"]));
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Asked nicely it takes its helpers along.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(10) {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::yield_now();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where pictures are kept, for people to look at.
fn pictures() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let pictures = target.join("pictures");
    fs::create_dir_all(&pictures).expect("a directory");
    pictures
}
