//! Settings: defaults, overlaid by names and texts such as those of the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

mod endpoints;

pub use endpoints::{GitHubEndpoints, GoogleEndpoints, MicrosoftEndpoints, OAuthEndpoints};

/// Where the platform is used, and so how strict it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// On a developer's machine: missing secrets are made up for the lifetime of the process.
    #[default]
    Development,
    /// For real: missing secrets are refused.
    Production,
    /// In tests.
    Test,
}

impl Mode {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
            Self::Test => "test",
        }
    }
}

/// A text that is not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A client at a provider of sign-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// The client's id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}

/// Where mail goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mail {
    /// Into the log, without what is secret in it.
    #[default]
    Log,
    /// Into a folder, a file a mail.
    Folder(String),
    /// To a server: `smtps://user:password@host:465`.
    Smtp(Secret),
}

/// How often something may be done in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of a user.
    pub user: u32,
    /// Requests of somebody unknown, by address.
    pub anonymous: u32,
    /// Sign-ins that fail, by address.
    pub login: u32,
    /// New accounts, by address.
    pub register: u32,
    /// Forgotten passwords, by e-mail address.
    pub forgot: u32,
    /// New passwords, by address.
    pub reset: u32,
    /// Sign-ins elsewhere that are begun, by address.
    pub oauth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { user: 100, anonymous: 20, login: 5, register: 3, forgot: 3, reset: 5, oauth: 5 }
    }
}

/// All settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Where it is used.
    pub mode: Mode,
    /// The segment of paths: `/api/{version}`.
    pub api_version: String,
    /// Signs access tokens; 32 characters or more.
    pub access_secret: Secret,
    /// Signs refresh tokens; another one.
    pub refresh_secret: Secret,
    /// How long access tokens are good.
    pub access_life: Duration,
    /// How long refresh tokens are good.
    pub refresh_life: Duration,
    /// How long a session lives after it was last used.
    pub session_life: Duration,
    /// How long the refresh token before the last is good, for requests that crossed.
    pub refresh_grace: Duration,
    /// Where the pages are.
    pub frontend_url: String,
    /// Where this is reached from outside.
    pub backend_url: String,
    /// Other pages that may ask.
    pub cors_origins: Vec<String>,
    /// Whether the address of clients is in headers that a proxy writes.
    pub trust_proxy: bool,
    /// The most bytes of a body.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How often what may be done; `None`: as often as one likes.
    pub limits: Option<Limits>,
    /// How many failed sign-ins lock an account for an address.
    pub lockout_after: u32,
    /// For how long, and within which time they count.
    pub lockout_time: Duration,
    /// Whether sign-ins elsewhere are on.
    pub oauth: bool,
    /// Google's client.
    pub google: Option<OAuthClient>,
    /// GitHub's client.
    pub github: Option<OAuthClient>,
    /// Microsoft's client.
    pub microsoft: Option<OAuthClient>,
    /// Where the three are reached.
    pub oauth_endpoints: OAuthEndpoints,
    /// Where mail goes.
    pub mail: Mail,
    /// Whom mail is from.
    pub mail_from: String,
    /// How many agents a user may have. `None`: any number.
    pub agents_per_user: Option<u32>,
    /// What must be sent to see the metrics. `None`: nothing.
    pub metrics_token: Option<Secret>,
}

impl Settings {
    /// For development: secrets are made up, so tokens are good until the process ends.
    pub fn development() -> Self {
        Self {
            mode: Mode::Development,
            api_version: "v1".to_owned(),
            access_secret: made_up(),
            refresh_secret: made_up(),
            access_life: Duration::from_secs(15 * 60),
            refresh_life: Duration::from_secs(7 * 86_400),
            session_life: Duration::from_secs(7 * 86_400),
            refresh_grace: Duration::from_secs(10),
            frontend_url: "http://localhost:3000".to_owned(),
            backend_url: "http://localhost:3001".to_owned(),
            cors_origins: Vec::new(),
            trust_proxy: false,
            body_limit: 10 << 20,
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            limits: Some(Limits::default()),
            lockout_after: 5,
            lockout_time: Duration::from_secs(15 * 60),
            oauth: false,
            google: None,
            github: None,
            microsoft: None,
            oauth_endpoints: OAuthEndpoints::default(),
            mail: Mail::default(),
            mail_from: "Turbocat <no-reply@localhost>".to_owned(),
            agents_per_user: None,
            metrics_token: None,
        }
    }

    /// The settings of these names and texts, over the defaults; and what is wrong with them.
    ///
    /// # Errors
    /// Everything that is wrong, one line each: texts that cannot be read, secrets that are missing
    /// in production, too short or the same.
    pub fn read(names: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader { names, wrong: Vec::new() };
        let settings = reader.settings();
        if reader.wrong.is_empty() { Ok(settings) } else { Err(reader.wrong) }
    }

    /// The names that [`read`](Self::read) knows.
    pub const NAMES: &'static [&'static str] = &[
        "NODE_ENV",
        "API_VERSION",
        "JWT_ACCESS_SECRET",
        "JWT_REFRESH_SECRET",
        "JWT_ACCESS_EXPIRY",
        "JWT_REFRESH_EXPIRY",
        "SESSION_TTL_SECONDS",
        "FRONTEND_URL",
        "BACKEND_URL",
        "ADDITIONAL_CORS_ORIGINS",
        "TRUST_PROXY",
        "BODY_LIMIT_BYTES",
        "REQUEST_TIMEOUT_SECONDS",
        "RATE_LIMITS",
        "USER_RATE_LIMIT_MAX",
        "ANONYMOUS_RATE_LIMIT_MAX",
        "LOGIN_RATE_LIMIT_MAX",
        "REGISTER_RATE_LIMIT_MAX",
        "FORGOT_RATE_LIMIT_MAX",
        "RESET_RATE_LIMIT_MAX",
        "OAUTH_RATE_LIMIT_MAX",
        "LOCKOUT_AFTER",
        "LOCKOUT_MINUTES",
        "ENABLE_OAUTH_LOGIN",
        "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET",
        "GITHUB_CLIENT_ID",
        "GITHUB_CLIENT_SECRET",
        "MICROSOFT_CLIENT_ID",
        "MICROSOFT_CLIENT_SECRET",
        "SMTP_URL",
        "MAIL_FOLDER",
        "MAIL_FROM",
        "AGENTS_PER_USER",
        "METRICS_TOKEN",
    ];
}

struct Reader<'a> {
    names: &'a BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Reader<'_> {
    fn settings(&mut self) -> Settings {
        let mode = match self.text("NODE_ENV") {
            None | Some("development") => Mode::Development,
            Some("production") => Mode::Production,
            Some("test") => Mode::Test,
            Some(_) => {
                self.complain("NODE_ENV", "must be development, production or test");
                Mode::Development
            }
        };
        let base = Settings::development();
        let limits = Limits::default();
        let limits = Limits {
            user: self.number("USER_RATE_LIMIT_MAX", limits.user),
            anonymous: self.number("ANONYMOUS_RATE_LIMIT_MAX", limits.anonymous),
            login: self.number("LOGIN_RATE_LIMIT_MAX", limits.login),
            register: self.number("REGISTER_RATE_LIMIT_MAX", limits.register),
            forgot: self.number("FORGOT_RATE_LIMIT_MAX", limits.forgot),
            reset: self.number("RESET_RATE_LIMIT_MAX", limits.reset),
            oauth: self.number("OAUTH_RATE_LIMIT_MAX", limits.oauth),
        };
        let mail = match (self.text("SMTP_URL"), self.text("MAIL_FOLDER")) {
            (Some(url), _) => Mail::Smtp(Secret::new(url)),
            (None, Some(folder)) => Mail::Folder(folder.to_owned()),
            (None, None) => Mail::Log,
        };
        let access_secret = self.secret("JWT_ACCESS_SECRET", mode, base.access_secret.clone());
        let refresh_secret = self.secret("JWT_REFRESH_SECRET", mode, base.refresh_secret.clone());
        if access_secret == refresh_secret {
            self.complain("JWT_REFRESH_SECRET", "must differ from JWT_ACCESS_SECRET");
        }
        Settings {
            mode,
            api_version: self.word("API_VERSION", base.api_version),
            access_secret,
            refresh_secret,
            access_life: self.duration("JWT_ACCESS_EXPIRY", base.access_life),
            refresh_life: self.duration("JWT_REFRESH_EXPIRY", base.refresh_life),
            session_life: self.seconds("SESSION_TTL_SECONDS", base.session_life),
            refresh_grace: base.refresh_grace,
            frontend_url: self.url("FRONTEND_URL", base.frontend_url),
            backend_url: self.url("BACKEND_URL", base.backend_url),
            cors_origins: self.list("ADDITIONAL_CORS_ORIGINS"),
            trust_proxy: self.flag("TRUST_PROXY", false),
            body_limit: self.number("BODY_LIMIT_BYTES", base.body_limit),
            body_timeout: base.body_timeout,
            request_timeout: self.seconds("REQUEST_TIMEOUT_SECONDS", base.request_timeout),
            limits: self.flag("RATE_LIMITS", true).then_some(limits),
            lockout_after: self.number("LOCKOUT_AFTER", base.lockout_after),
            lockout_time: Duration::from_secs(60 * self.number("LOCKOUT_MINUTES", 15_u64)),
            oauth: self.flag("ENABLE_OAUTH_LOGIN", false),
            google: self.client("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
            github: self.client("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"),
            microsoft: self.client("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
            oauth_endpoints: base.oauth_endpoints,
            mail,
            mail_from: self.text("MAIL_FROM").map_or(base.mail_from, str::to_owned),
            agents_per_user: self
                .text("AGENTS_PER_USER")
                .map(str::to_owned)
                .map(|_| self.number("AGENTS_PER_USER", 0)),
            metrics_token: self.text("METRICS_TOKEN").map(Secret::new),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn complain(&mut self, name: &str, what: &str) {
        self.wrong.push(format!("{name} {what}"));
    }

    fn number<N: std::str::FromStr>(&mut self, name: &str, default: N) -> N {
        match self.text(name).map(str::parse) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.complain(name, "must be a whole number");
                default
            }
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name) {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.complain(name, "must be true or false");
                default
            }
        }
    }

    fn seconds(&mut self, name: &str, default: Duration) -> Duration {
        Duration::from_secs(self.number(name, default.as_secs()))
    }

    /// A number and a unit: `15m`, `7d`.
    fn duration(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.text(name) else { return default };
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = match unit {
            "s" | "" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => 0,
        };
        match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
            Some(seconds) if seconds > 0 => Duration::from_secs(seconds),
            _ => {
                self.complain(name, "must be a time such as 30s, 15m, 12h or 7d");
                default
            }
        }
    }

    fn word(&mut self, name: &str, default: String) -> String {
        match self.text(name).map(str::to_owned) {
            None => default,
            Some(word) if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') => word,
            Some(_) => {
                self.complain(name, "must be a word of letters and digits");
                default
            }
        }
    }

    fn url(&mut self, name: &str, default: String) -> String {
        match self.text(name).map(|url| url.trim_end_matches('/').to_owned()) {
            None => default,
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => url,
            Some(_) => {
                self.complain(name, "must be a URL with http or https");
                default
            }
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let parts = self.text(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(|part| part.trim_end_matches('/').to_owned()).collect()
    }

    fn secret(&mut self, name: &str, mode: Mode, default: Secret) -> Secret {
        match self.text(name).map(str::to_owned) {
            Some(text) if text.chars().count() >= 32 => Secret::new(text),
            Some(_) => {
                self.complain(name, "must have at least 32 characters");
                default
            }
            None if mode == Mode::Production => {
                self.complain(
                    name,
                    "must be set in production: 32 characters or more, such as `openssl rand -hex 32` gives",
                );
                default
            }
            None => default,
        }
    }

    fn client(&mut self, id: &str, secret: &str) -> Option<OAuthClient> {
        match (self.text(id), self.text(secret)) {
            (None, None) => None,
            (Some(id), Some(secret)) => Some(OAuthClient { id: id.to_owned(), secret: Secret::new(secret) }),
            (Some(_), None) => {
                self.complain(secret, &format!("must be set, because {id} is"));
                None
            }
            (None, Some(_)) => {
                self.complain(id, &format!("must be set, because {secret} is"));
                None
            }
        }
    }
}

fn made_up() -> Secret {
    Secret::new(crate::secure::random_hex::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        Settings::read(&pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn development_needs_nothing_and_makes_secrets_up() {
        let (one, other) = (read(&[]).unwrap(), read(&[]).unwrap());
        assert_eq!(one.mode, Mode::Development);
        assert_ne!(one.access_secret, other.access_secret);
        assert_ne!(one.access_secret, one.refresh_secret);
        assert_eq!(format!("{:?}", one.access_secret), "(secret)");
    }

    #[test]
    fn production_refuses_missing_short_and_equal_secrets_all_at_once() {
        let wrong = read(&[("NODE_ENV", "production")]).unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("JWT_ACCESS_SECRET must be set in production"));
        let same = "0123456789abcdef0123456789abcdef";
        let wrong = read(&[("JWT_ACCESS_SECRET", same), ("JWT_REFRESH_SECRET", same)]).unwrap_err();
        assert_eq!(wrong, ["JWT_REFRESH_SECRET must differ from JWT_ACCESS_SECRET"]);
        let wrong = read(&[("JWT_ACCESS_SECRET", "short")]).unwrap_err();
        assert_eq!(wrong, ["JWT_ACCESS_SECRET must have at least 32 characters"]);
    }

    #[test]
    fn texts_are_read_and_what_cannot_be_is_named() {
        let settings = read(&[
            ("JWT_ACCESS_EXPIRY", "90s"),
            ("JWT_REFRESH_EXPIRY", "2d"),
            ("ADDITIONAL_CORS_ORIGINS", "https://a.example/, https://b.example"),
            ("RATE_LIMITS", "false"),
            ("GOOGLE_CLIENT_ID", "id"),
            ("GOOGLE_CLIENT_SECRET", "secret"),
        ])
        .unwrap();
        assert_eq!(settings.access_life, Duration::from_secs(90));
        assert_eq!(settings.refresh_life, Duration::from_secs(172_800));
        assert_eq!(settings.cors_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(settings.limits, None);
        assert_eq!(settings.google.unwrap().id, "id");
        let wrong = read(&[
            ("JWT_ACCESS_EXPIRY", "soon"),
            ("TRUST_PROXY", "yes"),
            ("USER_RATE_LIMIT_MAX", "-1"),
            ("FRONTEND_URL", "example.com"),
            ("GITHUB_CLIENT_ID", "id"),
        ])
        .unwrap_err();
        assert_eq!(wrong.len(), 5, "{wrong:?}");
    }
}
