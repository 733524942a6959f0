//! Who may reach the inside all the same: exceptions from the guard, and the guard's verdict.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

use super::address::inside;
use super::error::{EgressError, EgressErrorKind};

/// The exceptions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exceptions {
    everything: bool,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    who: Who,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    /// In lower case, without a dot at the end.
    Name(String),
    /// All names below one.
    Below(String),
    Net(IpNet),
}

/// Where a request may go, as far as can be told before names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Exceptions for every port apply.
    AnyPort,
    /// So do exceptions for this port.
    Port(u16),
}

impl Exceptions {
    pub(crate) const fn allow_everything(&mut self, yes: bool) {
        self.everything = yes;
    }

    /// Reads `name`, `*.name`, `address`, `net/bits`, each of the first three with a port if wanted.
    pub(crate) fn allow(&mut self, text: &str) -> Result<(), EgressError> {
        let bad = |why: &str| {
            EgressError::new(EgressErrorKind::BadUrl, format!("exception `{text}` cannot be read: {why}"))
        };
        let rule = text.trim();
        let (host, port) = match rule.rsplit_once(':') {
            // [::1]:8080 and name:8080, but not ::1
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
                (host, Some(port.parse().map_err(|_| bad("the port is a number up to 65535"))?))
            }
            _ => (rule, None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let who = if let Ok(address) = bare.parse::<IpAddr>() {
            Who::Net(address.to_canonical().into())
        } else if let Ok(net) = bare.parse::<IpNet>() {
            Who::Net(net.trunc())
        } else if let Some(parent) = host.strip_prefix("*.") {
            Who::Below(name(parent).ok_or_else(|| bad("it is neither a host name nor an address"))?)
        } else {
            Who::Name(name(host).ok_or_else(|| bad("it is neither a host name nor an address"))?)
        };
        self.rules.push(Rule { who, port });
        Ok(())
    }

    /// The ports for which there are exceptions of their own.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.rules.iter().filter_map(|rule| rule.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Which exceptions apply to a port.
    pub(crate) fn scope(&self, port: u16) -> Scope {
        if self.rules.iter().any(|rule| rule.port == Some(port)) { Scope::Port(port) } else { Scope::AnyPort }
    }

    /// Judges what can be judged before a name is looked up.
    pub(crate) fn judge(&self, url: &Url) -> Result<Scope, EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            let message = format!("scheme `{}` is not one of `http` and `https`", url.scheme());
            return Err(EgressError::new(EgressErrorKind::BadUrl, message));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let message = "the address holds a user name or a password; help: send them as a header";
            return Err(EgressError::new(EgressErrorKind::BadUrl, message));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(EgressError::new(EgressErrorKind::BadUrl, "the address has no host"));
        };
        let scope = self.scope(port);
        if let Some(protocol) = other_protocol(port)
            && !self.everything
            && !self.rules.iter().any(|rule| rule.port == Some(port) && rule.names(host))
        {
            let message = format!("port {port} belongs to {protocol}, not to HTTP");
            return Err(EgressError::new(EgressErrorKind::Refused, message));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            self.judge_address(scope, host, address)?;
        } else if is_metadata(host) && !self.everything && !self.knows(scope, host) {
            let message = format!("host `{host}` is a metadata service, which may not be reached");
            return Err(EgressError::new(EgressErrorKind::Refused, message));
        }
        Ok(scope)
    }

    /// Judges an address that a host stands for, or is.
    pub(crate) fn judge_address(&self, scope: Scope, host: &str, address: IpAddr) -> Result<(), EgressError> {
        let Some(what) = inside(address) else { return Ok(()) };
        let address = address.to_canonical();
        let excepted = self.everything
            || self.knows(scope, host)
            || self.rules_of(scope).any(|rule| matches!(&rule.who, Who::Net(net) if net.contains(&address)));
        if excepted {
            return Ok(());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let message = if bare.parse::<IpAddr>().is_ok() {
            format!("address `{bare}` is {what} and may not be reached")
        } else {
            // where it is would be a map of the inside, for whoever wrote the request to draw
            tracing::warn!(%host, %address, what, "a request to a host inside was refused");
            format!("host `{host}` is at an address that is {what} and may not be reached")
        };
        Err(EgressError::new(EgressErrorKind::Refused, message))
    }

    fn knows(&self, scope: Scope, host: &str) -> bool {
        self.rules_of(scope).any(|rule| rule.names(host))
    }

    fn rules_of(&self, scope: Scope) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| match (rule.port, scope) {
            (None, _) => true,
            (Some(_), Scope::AnyPort) => false,
            (Some(port), Scope::Port(wanted)) => port == wanted,
        })
    }
}

impl Rule {
    /// Whether it is about the host as it stands in an address.
    fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match &self.who {
            Who::Name(name) => *name == host,
            Who::Below(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
            Who::Net(net) => host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .is_ok_and(|address| net.contains(&address.to_canonical())),
        }
    }
}

/// A host name, as addresses have it.
fn name(text: &str) -> Option<String> {
    let text = text.trim_end_matches('.');
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let plain = !text.is_empty() && !text.contains(['/', ':', '@', '?', '#', '*', '\\', ' ']);
    plain.then(|| url.host_str().map(str::to_owned)).flatten()
}

fn is_metadata(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    ["metadata.google.internal", "metadata", "instance-data", "instance-data.ec2.internal"]
        .iter()
        .any(|name| host.eq_ignore_ascii_case(name))
}

/// Ports where a request, read as something else, does harm: those browsers refuse, of protocols
/// that take commands line by line.
const fn other_protocol(port: u16) -> Option<&'static str> {
    Some(match port {
        7 | 9 | 13 | 19 => "a diagnostic service",
        20 | 21 | 69 | 989 | 990 => "FTP",
        22 | 115 => "SSH",
        23 => "Telnet",
        25 | 465 | 587 => "SMTP",
        53 => "DNS",
        109 | 110 | 995 => "POP3",
        119 | 563 => "NNTP",
        143 | 220 | 585 | 993 => "IMAP",
        135 | 137 | 139 | 445 | 548 | 2049 => "a file service",
        389 | 636 => "LDAP",
        512..=515 | 540 => "a remote shell or printer",
        1719 | 1720 | 5060 | 5061 => "telephony",
        6000 => "X11",
        6379 => "Redis",
        6665..=6669 | 6697 => "IRC",
        11211 => "memcached",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exceptions(rules: &[&str]) -> Exceptions {
        let mut exceptions = Exceptions::default();
        for rule in rules {
            exceptions.allow(rule).unwrap();
        }
        exceptions
    }

    /// Whether `host` at `address` may be reached on that port.
    fn reach(rules: &[&str], url: &str, address: &str) -> bool {
        let exceptions = exceptions(rules);
        let url = Url::parse(url).unwrap();
        let address = address.parse().unwrap();
        exceptions
            .judge(&url)
            .and_then(|scope| exceptions.judge_address(scope, url.host_str().unwrap(), address))
            .is_ok()
    }

    #[test]
    fn an_exception_opens_what_it_names_and_nothing_else() {
        let check = |rule: &str, url: &str, address: &str, expected: bool| {
            assert_eq!(reach(&[rule], url, address), expected, "{rule}: {url} at {address}");
        };
        check("localhost", "http://localhost/", "127.0.0.1", true);
        check("LocalHost.", "http://localhost/", "127.0.0.1", true);
        check("localhost", "http://localhost./", "127.0.0.1", true);
        check("localhost", "http://127.0.0.1/", "127.0.0.1", false);
        check("localhost", "http://other/", "127.0.0.1", false);
        check("*.corp", "http://a.corp/", "10.0.0.1", true);
        check("*.corp", "http://a.b.corp/", "10.0.0.1", true);
        check("*.corp", "http://corp/", "10.0.0.1", false);
        check("*.corp", "http://evilcorp/", "10.0.0.1", false);
        check("127.0.0.1", "http://127.0.0.1:81/", "127.0.0.1", true);
        check("127.0.0.1", "http://localhost/", "127.0.0.1", true);
        check("127.0.0.1", "http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1", true);
        check("127.0.0.1", "http://127.0.0.2/", "127.0.0.2", false);
        check("10.1.0.0/16", "http://10.1.2.3/", "10.1.2.3", true);
        check("10.1.2.3/16", "http://10.1.9.9/", "10.1.9.9", true);
        check("10.1.0.0/16", "http://10.2.0.1/", "10.2.0.1", false);
        check("::1", "http://[::1]/", "::1", true);
        check("[::1]:8080", "http://[::1]:8080/", "::1", true);
        check("[::1]:8080", "http://[::1]:8081/", "::1", false);
        check("fd00::/8", "http://[fd12::1]/", "fd12::1", true);
        check("127.0.0.1:8080", "http://127.0.0.1:8080/", "127.0.0.1", true);
        check("127.0.0.1:8080", "http://localhost:8080/", "127.0.0.1", true);
        check("127.0.0.1:8080", "http://127.0.0.1:8081/", "127.0.0.1", false);
        check("localhost:8080", "http://localhost:8080/", "127.0.0.1", true);
        check("localhost:8080", "http://localhost/", "127.0.0.1", false);
        check("metadata.google.internal", "http://metadata.google.internal/", "169.254.169.254", true);
        check("169.254.0.0/16", "http://metadata.google.internal/", "169.254.169.254", false);
        check("example.com:25", "http://example.com:25/", "93.184.216.34", true);
        check("example.com", "http://example.com:25/", "93.184.216.34", false);
        check("127.0.0.1:25", "http://127.0.0.1:25/", "127.0.0.1", true);
    }

    #[test]
    fn an_exception_that_cannot_be_read_is_an_error() {
        for text in
            ["", " ", "a b", "http://x/", "host:70000", "host:", "10.0.0.0/33", "*", "*.", "a@b", "a/b"]
        {
            let error = Exceptions::default().allow(text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("exception `{text}` cannot be read")), "{error}");
        }
    }

    #[test]
    fn each_port_with_an_exception_is_listed_once() {
        assert_eq!(exceptions(&["a:81", "b:80", "c:81", "d"]).ports(), [80, 81]);
    }
}
