//! A browser that does what a test says: Chromium, through chromedriver. The protocol (W3C `WebDriver`) is a few JSON requests, and
//! reqwest sends them. The clients for Rust (fantoccini, thirtyfour) would bring many more packages for these few requests.

use std::path::PathBuf;
use std::time::Duration;

use dragline_testkit::{Dragline, Running, patience, wait_for};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

const SOON: Duration = Duration::from_secs(30);

/// A window of a browser of its own.
pub(super) struct Browser {
    runtime: Runtime,
    client: reqwest::Client,
    /// The session's address.
    session: String,
    _driver: Running,
}

impl Browser {
    /// `None` on a machine without Chromium.
    pub(super) fn start() -> Option<Self> {
        let (Some(driver), Some(chromium)) = (program("chromedriver"), program("chromium")) else {
            println!("NOT TESTED: the page in a browser. Run ./test --prepare, which installs Chromium.");
            return None;
        };
        let mut driver =
            Dragline::new(driver).arg("--port=0").limit(patience(Duration::from_secs(300))).spawn();
        driver.wait_until("chromedriver starts", SOON, |it| port(&it.stdout()).is_some());
        let address = format!("http://127.0.0.1:{}", port(&driver.stdout()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The tests of TLS install the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(patience(SOON)).build().unwrap();
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en-GB"];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": chromium },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self { runtime, client, session: address.clone(), _driver: driver };
        let made = browser.post("/session", &wanted);
        browser.session = format!("{address}/session/{}", made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    pub(super) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// The value of a script that returns one.
    pub(super) fn value(&self, script: &str) -> Json {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The value that a script passes to `arguments[0]`.
    pub(super) fn later(&self, script: &str) -> Json {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns `true`.
    pub(super) fn wait(&self, what: &str, script: &str) {
        wait_for(what, SOON, || (self.value(script) == true).then_some(()));
    }

    /// A command of the browser's own protocol.
    pub(super) fn command(&self, name: &str, parameters: &Json) -> Json {
        self.post("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// Presses a key, by its code in `WebDriver`.
    pub(super) fn press(&self, key: &str) {
        let actions = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// What the browser complained about since the last call.
    pub(super) fn complaints(&self) -> Vec<String> {
        let lines = self.post("/se/log", &json!({ "type": "browser" }));
        lines.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    pub(super) fn looks(&self, width: u32, height: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.command("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", &features);
    }

    /// A picture of the page, `height` pixels of it at most, in this size.
    pub(super) fn picture(&self, height: u32, scale: f64) -> Vec<u8> {
        let page = self.value("return document.documentElement.scrollHeight").as_u64().unwrap();
        let width = self.value("return document.documentElement.clientWidth").as_u64().unwrap();
        let height = page.min(height.into());
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": scale });
        let taken = self.command(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }),
        );
        data_encoding::BASE64.decode(taken["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        let request = self.client.post(format!("{}{path}", self.session)).body(body.to_string());
        let answer: Json = self.runtime.block_on(async {
            let answer = request.header("content-type", "application/json").send().await.unwrap();
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
        });
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with it.
        let _ = self.runtime.block_on(async { self.client.delete(&self.session).send().await });
    }
}

fn port(told: &str) -> Option<u16> {
    told.split("successfully on port ").nth(1)?.split(['.', '\n']).next()?.trim().parse().ok()
}

/// A program in PATH.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
