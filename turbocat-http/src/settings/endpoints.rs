//! Where those are reached with whom users sign in elsewhere.

/// Where the providers of sign-ins are reached. Default: where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OAuthEndpoints {
    /// Google.
    pub google: GoogleEndpoints,
    /// GitHub.
    pub github: GitHubEndpoints,
    /// Microsoft.
    pub microsoft: MicrosoftEndpoints,
}

/// Google: it tells who somebody is in a token that it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleEndpoints {
    /// Where users are sent.
    pub authorize: String,
    /// Where a code is changed for tokens.
    pub token: String,
    /// Where its keys are.
    pub keys: String,
    /// Who its tokens say they are from.
    pub issuers: Vec<String>,
}

impl Default for GoogleEndpoints {
    fn default() -> Self {
        Self {
            authorize: "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
            token: "https://oauth2.googleapis.com/token".to_owned(),
            keys: "https://www.googleapis.com/oauth2/v3/certs".to_owned(),
            issuers: vec!["https://accounts.google.com".to_owned(), "accounts.google.com".to_owned()],
        }
    }
}

/// GitHub: it is asked who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubEndpoints {
    /// Where users are sent.
    pub authorize: String,
    /// Where a code is changed for a token.
    pub token: String,
    /// Who somebody is.
    pub user: String,
    /// Which addresses they have.
    pub emails: String,
}

impl Default for GitHubEndpoints {
    fn default() -> Self {
        Self {
            authorize: "https://github.com/login/oauth/authorize".to_owned(),
            token: "https://github.com/login/oauth/access_token".to_owned(),
            user: "https://api.github.com/user".to_owned(),
            emails: "https://api.github.com/user/emails".to_owned(),
        }
    }
}

/// Microsoft: it is asked who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicrosoftEndpoints {
    /// Where users are sent.
    pub authorize: String,
    /// Where a code is changed for tokens.
    pub token: String,
    /// Who somebody is.
    pub user: String,
}

impl Default for MicrosoftEndpoints {
    fn default() -> Self {
        Self {
            authorize: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize".to_owned(),
            token: "https://login.microsoftonline.com/common/oauth2/v2.0/token".to_owned(),
            user: "https://graph.microsoft.com/v1.0/me".to_owned(),
        }
    }
}
