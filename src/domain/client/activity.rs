//! What is known of the browser or device that uses a session, for the list of devices in a profile
//! ([guide: The profile](crate::guide::contract_me)).

use std::net::IpAddr;

/// The browser or device that last used a session, and where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The source address.
    pub address: Option<IpAddr>,
    /// The browser, as far as it is known.
    pub browser: Browser,
    /// The first number of the browser's version; 0 where it is not known.
    pub browser_version: u16,
    /// The system of the device, as far as it is known.
    pub system: System,
    /// Whether it is a telephone or a tablet.
    pub is_mobile: bool,
}

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names of browsers")]
pub enum Browser {
    Unknown,
    Chrome,
    Edge,
    Firefox,
    Opera,
    Safari,
    Samsung,
}

/// The system of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names of systems")]
pub enum System {
    Unknown,
    Android,
    ChromeOs,
    IPad,
    IPhone,
    Linux,
    MacOs,
    Windows,
}

impl Activity {
    /// What a request tells: its source address, and its `User-Agent` (RFC 9110, 10.1.5).
    pub fn of(address: Option<IpAddr>, user_agent: &str) -> Self {
        let (browser, browser_version) = browser(user_agent);
        let system = system(user_agent);
        let is_mobile =
            user_agent.contains("Mobile") || matches!(system, System::Android | System::IPad | System::IPhone);
        Self { address, browser, browser_version, system, is_mobile }
    }
}

impl Browser {
    /// Its name; `None` where it is not known.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Chrome => "Chrome",
            Self::Edge => "Edge",
            Self::Firefox => "Firefox",
            Self::Opera => "Opera",
            Self::Safari => "Safari",
            Self::Samsung => "Samsung Internet",
        })
    }
}

impl System {
    /// The type of device that has it; `None` where it is not known.
    pub const fn device_type(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Android => "Android",
            Self::ChromeOs => "Chrome OS",
            Self::IPad => "iPad",
            Self::IPhone => "iPhone",
            Self::Linux => "Linux",
            Self::MacOs => "Macintosh",
            Self::Windows => "Windows",
        })
    }
}

/// The browser and the first number of its version. Most browsers also name those that they are like, so the order counts.
fn browser(user_agent: &str) -> (Browser, u16) {
    let marks = [
        ("Edg/", Browser::Edge),
        ("EdgA/", Browser::Edge),
        ("EdgiOS/", Browser::Edge),
        ("OPR/", Browser::Opera),
        ("SamsungBrowser/", Browser::Samsung),
        ("Firefox/", Browser::Firefox),
        ("FxiOS/", Browser::Firefox),
        ("Chrome/", Browser::Chrome),
        ("CriOS/", Browser::Chrome),
    ];
    let found = marks.into_iter().find_map(|(mark, browser)| Some((browser, number(user_agent, mark)?)));
    let safari =
        || number(user_agent, "Version/").filter(|_| user_agent.contains("Safari/")).map(|n| (Browser::Safari, n));
    found.or_else(safari).unwrap_or((Browser::Unknown, 0))
}

fn number(text: &str, mark: &str) -> Option<u16> {
    let rest = text.split_once(mark)?.1;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

fn system(user_agent: &str) -> System {
    let marks = [
        ("iPhone", System::IPhone),
        ("iPad", System::IPad),
        ("Android", System::Android),
        ("CrOS", System::ChromeOs),
        ("Windows", System::Windows),
        ("Macintosh", System::MacOs),
        ("Linux", System::Linux),
    ];
    marks.into_iter().find(|(mark, _)| user_agent.contains(mark)).map_or(System::Unknown, |(_, system)| system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_devices_are_told_apart() {
        let like = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
        let edge = format!("{like} Edg/125.0.2");
        for (user_agent, browser, version, system, is_mobile) in [
            (like, Browser::Chrome, 126, System::Windows, false),
            (&*edge, Browser::Edge, 125, System::Windows, false),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Browser::Firefox,
                140,
                System::Linux,
                false,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                Browser::Safari,
                17,
                System::IPhone,
                true,
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36",
                Browser::Chrome,
                126,
                System::Android,
                true,
            ),
            ("curl/8.5.0", Browser::Unknown, 0, System::Unknown, false),
            ("", Browser::Unknown, 0, System::Unknown, false),
            ("Firefox/99999999 Chrome/", Browser::Unknown, 0, System::Unknown, false),
        ] {
            let expected = Activity { address: None, browser, browser_version: version, system, is_mobile };
            assert_eq!(Activity::of(None, user_agent), expected, "{user_agent}");
        }
    }
}
