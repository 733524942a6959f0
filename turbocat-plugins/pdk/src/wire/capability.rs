//! What a plugin may be allowed, in one text form everywhere: manifest, lock file, `--grant`.
//!
//! A capability is a set of acts: `http GET *.example.com` is every GET to every host below
//! `example.com` at the usual ports. [`covers`](Capability::covers) is inclusion of these sets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name;

/// The longest text of a capability, in bytes.
const LONGEST: usize = 300;

/// Something a plugin asks for, or is granted.
///
/// | text | what it allows |
/// |---|---|
/// | `http GET api.example.com` | GET to that host at ports 80 and 443 |
/// | `http * *.example.com` | any method to any host below `example.com`, not to itself |
/// | `http POST api.example.com:8443` | POST to that host at that port |
/// | `http GET *:*` | GET to any host at any port |
/// | `secret API_KEY` | to read that secret |
/// | `state` | to keep values under the plugin's name |
///
/// ```
/// use turbocat_pdk::wire::Capability;
///
/// let grant: Capability = "http * *.example.com".parse()?;
/// let asked: Capability = "http get API.example.com".parse()?;
/// assert!(grant.covers(&asked));
/// assert_eq!(asked.to_string(), "http GET api.example.com");
/// # Ok::<_, turbocat_pdk::wire::CapabilityError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// HTTP requests.
    Http(HttpCapability),
    /// Reading the secret of that name.
    Secret(String),
    /// Keeping values between calls, under the plugin's name.
    State,
}

/// HTTP requests with certain methods to certain hosts and ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpCapability {
    /// The methods.
    pub method: MethodPattern,
    /// The hosts.
    pub host: HostPattern,
    /// The ports.
    pub port: PortPattern,
}

/// A method, or any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MethodPattern {
    /// `*`
    Any,
    /// This one, in capital letters.
    One(String),
}

/// A host, the hosts below one, or any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `*`
    Any,
    /// `*.example.com`: hosts whose names end so, at any depth. Held without the `*.`.
    Below(String),
    /// This one: a name in small letters, an IPv4 address, or an IPv6 address in brackets.
    One(String),
}

/// A port, the usual ones, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortPattern {
    /// `:*`
    Any,
    /// Nothing written: 80 and 443.
    Usual,
    /// This one.
    One(u16),
}

impl Capability {
    /// HTTP with this method to this host and port, as narrow as it can be written. `host` as a
    /// URL has it: small letters, IPv6 addresses in brackets.
    pub fn http(method: &str, host: &str, port: u16) -> Self {
        let port = if matches!(port, 80 | 443) { PortPattern::Usual } else { PortPattern::One(port) };
        Self::Http(HttpCapability {
            method: MethodPattern::One(method.to_ascii_uppercase()),
            host: HostPattern::One(host.to_ascii_lowercase()),
            port,
        })
    }

    /// Whether whoever is granted this may do all that `other` stands for.
    ///
    /// A partial order: everything covers itself, two that cover each other are the same, and
    /// what covers a second covers what the second covers.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(mine), Self::Http(theirs)) => {
                mine.method.covers(&theirs.method)
                    && mine.host.covers(&theirs.host)
                    && mine.port.covers(theirs.port)
            }
            (Self::Secret(mine), Self::Secret(theirs)) => mine == theirs,
            (Self::State, Self::State) => true,
            _ => false,
        }
    }

    /// Whether this allows one HTTP request. `host` as a URL has it: small letters, IPv6
    /// addresses in brackets; `port` the one that is connected to.
    pub fn allows_http(&self, method: &str, host: &str, port: u16) -> bool {
        let Self::Http(mine) = self else { return false };
        let method = MethodPattern::One(method.to_ascii_uppercase());
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        mine.method.covers(&method)
            && mine.host.covers(&HostPattern::One(host))
            && mine.port.covers(PortPattern::One(port))
    }
}

impl MethodPattern {
    fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }
}

impl HostPattern {
    fn covers(&self, other: &Self) -> bool {
        fn is_below(host: &str, top: &str) -> bool {
            host.strip_suffix(top).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
        }
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(top), Self::Below(other)) => other == top || is_below(other, top),
            (Self::Below(top), Self::One(host)) => is_below(host, top),
            (Self::One(mine), Self::One(host)) => mine == host,
            _ => false,
        }
    }
}

impl PortPattern {
    const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (Self::Usual, Self::Usual | Self::One(80 | 443)) => true,
            (Self::One(mine), Self::One(port)) => mine == port,
            _ => false,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => http.fmt(f),
            Self::Secret(name) => write!(f, "secret {name}"),
            Self::State => f.write_str("state"),
        }
    }
}

impl fmt::Display for HttpCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            MethodPattern::Any => f.write_str("http * ")?,
            MethodPattern::One(method) => write!(f, "http {method} ")?,
        }
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Below(top) => write!(f, "*.{top}")?,
            HostPattern::One(host) => f.write_str(host)?,
        }
        match self.port {
            PortPattern::Any => f.write_str(":*"),
            PortPattern::Usual => Ok(()),
            PortPattern::One(port) => write!(f, ":{port}"),
        }
    }
}

/// A text that is no capability, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityError {
    message: String,
    help: &'static str,
}

impl CapabilityError {
    fn new(message: String, help: &'static str) -> Self {
        Self { message, help }
    }

    /// What would be right.
    pub const fn help(&self) -> &'static str {
        self.help
    }
}

impl fmt::Display for CapabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CapabilityError {}

const FORMS: &str = "write `http METHOD HOST`, `secret NAME` or `state`";
const HTTP: &str = "write a method or `*`, then a host, as in `http GET api.example.com`";
const HOST: &str = "write a host such as `api.example.com`, `*.example.com`, `*`, `10.0.0.7` or `[::1]`, \
                    and a port after `:` if it is neither 80 nor 443";

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        if text.len() > LONGEST {
            return Err(CapabilityError::new(
                format!("a capability has {} bytes, and {LONGEST} are the most", text.len()),
                FORMS,
            ));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        match *words {
            ["http", method, host] => Ok(Self::Http(HttpCapability::read(method, host)?)),
            ["http", ..] => {
                Err(CapabilityError::new(format!("`{text}` does not name one method and one host"), HTTP))
            }
            ["secret", secret] if name::is_secret_name(secret) => Ok(Self::Secret(secret.to_owned())),
            ["secret", ..] => Err(CapabilityError::new(
                format!("`{text}` does not name one secret"),
                "write `secret NAME`; names are letters, digits, `-`, `_` and `.`",
            )),
            ["state"] => Ok(Self::State),
            [] => Err(CapabilityError::new("a capability is empty".to_owned(), FORMS)),
            [first, ..] => Err(CapabilityError::new(format!("unknown capability `{first}`"), FORMS)),
        }
    }
}

impl HttpCapability {
    fn read(method: &str, authority: &str) -> Result<Self, CapabilityError> {
        let method = match method {
            "*" => MethodPattern::Any,
            _ if method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                MethodPattern::One(method.to_ascii_uppercase())
            }
            _ => return Err(CapabilityError::new(format!("`{method}` is no HTTP method"), HTTP)),
        };
        let wrong = || CapabilityError::new(format!("`{authority}` is no host"), HOST);
        // The colon of a port comes after the bracket of an IPv6 address.
        let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
        let colon = authority.get(after_bracket..).and_then(|rest| rest.rfind(':'));
        let (host, port) = match colon {
            None => (authority, PortPattern::Usual),
            Some(at) => {
                let (host, port) = authority.split_at(after_bracket + at);
                let port = match &port[1..] {
                    "*" => PortPattern::Any,
                    digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
                        Ok(port) if port > 0 => PortPattern::One(port),
                        _ => return Err(wrong()),
                    },
                    _ => return Err(wrong()),
                };
                (host, port)
            }
        };
        Ok(Self { method, host: HostPattern::read(host).ok_or_else(wrong)?, port })
    }
}

impl HostPattern {
    fn read(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some(top) = text.strip_prefix("*.") {
            // `*.0.0.1` would be a pattern of addresses by their last digits.
            let named = is_host_name(top) && !is_number(top.rsplit('.').next().unwrap_or(top));
            return named.then(|| Self::Below(top.to_ascii_lowercase()));
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let address: std::net::Ipv6Addr = inside.parse().ok()?;
            return Some(Self::One(format!("[{address}]")));
        }
        // What ends in a number is an address, or a URL would not have it.
        if is_number(text.rsplit('.').next().unwrap_or(text)) {
            let address: std::net::Ipv4Addr = text.parse().ok()?;
            return Some(Self::One(address.to_string()));
        }
        is_host_name(text).then(|| Self::One(text.to_ascii_lowercase()))
    }
}

fn is_number(label: &str) -> bool {
    label.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
        && (label.bytes().all(|byte| byte.is_ascii_digit())
            || label.starts_with("0x")
            || label.starts_with("0X"))
}

/// Names outside ASCII are written as they are looked up, `xn--…`.
fn is_host_name(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: CapabilityError| {
            serde::de::Error::custom(format_args!("{error}; help: {}", error.help))
        })
    }
}
