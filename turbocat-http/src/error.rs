//! Errors as they are answered: a code for programs, a message for people, what is wrong where.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use turbocat_storage::{StorageError, StorageErrorKind};
use utoipa::ToSchema;

use crate::edge::context;
use crate::wire::reply::Meta;

/// Something that is wrong with what was sent: where and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// The field, as a dotted path such as `steps.0.stepKey`.
    pub(crate) field: String,
    /// What is wrong, in words.
    pub(crate) message: String,
    /// What is wrong, for programs.
    pub(crate) code: String,
}

impl Detail {
    pub(crate) fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), code: code.to_owned() }
    }
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Validation,
    Unauthorized,
    TokenExpired,
    Forbidden,
    NotFound,
    Conflict,
    PreconditionFailed,
    Unprocessable,
    TooManyRequests,
    Internal,
    Database,
    External,
    Unavailable,
}

impl Code {
    const fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Validation => "VALIDATION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::Unprocessable => "UNPROCESSABLE_ENTITY",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::Internal => "INTERNAL_ERROR",
            Self::Database => "DATABASE_ERROR",
            Self::External => "EXTERNAL_SERVICE_ERROR",
            Self::Unavailable => "SERVICE_UNAVAILABLE",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::Validation => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::TokenExpired => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal | Self::Database => StatusCode::INTERNAL_SERVER_ERROR,
            Self::External => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Error {
    code: Code,
    status: StatusCode,
    message: String,
    details: Vec<Detail>,
    retry_after: Option<u64>,
    /// What is logged and never sent.
    cause: Option<String>,
}

/// What a handler gives.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let (status, details) = (code.status(), Vec::new());
        Self { code, status, message: message.into(), details, retry_after: None, cause: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// What was sent does not fit its schema.
    pub(crate) fn invalid(details: Vec<Detail>) -> Self {
        Self { details, ..Self::new(Code::Validation, "what was sent is not valid") }
    }

    /// One field is wrong.
    pub(crate) fn field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Detail::new(field, code, message)])
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    pub(crate) fn not_found(noun: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {noun}"))
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// A named version of a resource is not the one there is.
    pub(crate) fn changed() -> Self {
        Self::new(Code::PreconditionFailed, "it was changed since it was read; read it again")
    }

    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = format!("too many requests; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(Code::TooManyRequests, message) }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// Something that must not be: the cause is logged, and not told.
    #[expect(clippy::needless_pass_by_value, reason = "errors are given to it by `map_err`")]
    pub(crate) fn internal(cause: impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(Code::Internal, "something went wrong here") }
    }

    /// When to try again, in seconds.
    pub(crate) const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    /// Whether it is not the fault of who asks.
    pub(crate) fn is_server_side(&self) -> bool {
        self.status.is_server_error()
    }

    /// What is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same once more: what was found out once is told to whoever asks for it.
    pub(crate) fn again(&self) -> Self {
        let (message, details) = (self.message.clone(), self.details.clone());
        Self { message, details, cause: None, ..*self }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code == Code::Conflict
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// An error in its envelope.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorEnvelope {
    success: bool,
    #[schema(inline)]
    error: Body,
    meta: Meta,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(request_id = context::request_id(), code = self.code.word(), %cause, "a request failed");
        }
        let error = Body {
            code: self.code.word(),
            message: self.message,
            details: self.details,
            retry_after: self.retry_after,
        };
        let envelope = ErrorEnvelope { success: false, error, meta: Meta::now() };
        let mut response = (self.status, Json(envelope)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        use StorageErrorKind as Kind;
        let code = match error.kind() {
            Kind::NotFound => Code::NotFound,
            Kind::Conflict => Code::Conflict,
            Kind::Constraint | Kind::Invalid => Code::BadRequest,
            Kind::Unavailable | Kind::Busy | Kind::Timeout | Kind::Full | Kind::ReadOnly | Kind::Locked => {
                Code::Unavailable
            }
            _ => Code::Database,
        };
        match code {
            // What the database says of itself is not for those who ask.
            Code::Unavailable | Code::Database => {
                let message = match code {
                    Code::Unavailable => "the database cannot do that now",
                    _ => "the database could not do that",
                };
                Self { cause: Some(format!("{error:?}")), ..Self::new(code, message) }
            }
            _ => Self::new(code, error.to_string()),
        }
    }
}
