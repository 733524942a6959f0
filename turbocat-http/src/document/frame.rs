//! What the document begins with: what this is, how one signs in, what the groups of operations are.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

/// The groups of operations.
const TAGS: [(&str, &str); 16] = [
    ("documentation", "What this is"),
    ("health", "Whether this is there and does its work"),
    ("auth", "Accounts, sessions, tokens"),
    ("users", "Who uses this"),
    ("keys", "Credentials of programs"),
    ("agents", "Who does steps"),
    ("workflows", "What is done, in which order"),
    ("executions", "What was done, and what goes on"),
    ("triggers", "What starts executions"),
    ("templates", "What agents and workflows are made from"),
    ("deployments", "What is kept ready to be asked"),
    ("analytics", "Figures"),
    ("webhooks", "Who is told what happens"),
    ("teams", "Who works together"),
    ("events", "What happens, as it happens"),
    ("audit", "Who did what"),
];

/// What is the same for all of it.
pub(crate) fn frame() -> OpenApi {
    let components = ComponentsBuilder::new()
        .security_scheme(
            "bearer",
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build(),
            ),
        )
        .security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))))
        .security_scheme(
            "deploymentKey",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Deployment-Key"))),
        )
        .build();
    let tags = TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Turbocat")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("A workflow engine: agents, workflows, executions."))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .components(Some(components))
        .security(Some([
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("apiKey", Vec::<String>::new()),
        ]))
        .tags(Some(tags))
        .build()
}
