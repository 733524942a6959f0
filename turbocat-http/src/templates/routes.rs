//! The routes of templates.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use turbocat_storage::platform::{Direction, Template, TemplateFilter, TemplateSort, Visibility};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::instantiate::{self, Wish};
use super::view::{Instantiated, TemplateView};
use crate::agents::Tag;
use crate::api::Api;
use crate::auth::Caller;
use crate::auth::identity::Known;
use crate::auth::permission::{TemplatesExecute, TemplatesRead};
use crate::error::{Error, Result};
use crate::events::Note;
use crate::wire::list::tags;
use crate::wire::{Body, Envelope, Etag, Id, ListEnvelope, ListQuery, Listed, Query, Reply, words};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(categories))
        .routes(routes!(read))
        .routes(routes!(instantiate))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those in this category.
    #[param(max_length = 100)]
    category: Option<String>,
    /// Those that make this.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<words::TemplateType>,
    /// Those that came with the platform, or not.
    is_official: Option<bool>,
    /// Those that are shown to everybody, or one's own others.
    is_public: Option<bool>,
    /// Those with this in their name or description, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
    /// Those with one of these tags: `a,b`.
    tags: Option<String>,
}

fn visibility(caller: Option<&Caller<TemplatesRead>>) -> Visibility {
    caller.map_or(Visibility::Public, |caller| Visibility::Of(caller.id()))
}

/// Templates: public ones, and one's own; the most used first.
#[utoipa::path(get, path = "/templates", tag = "templates", params(ListQuery, Filters),
    security((), ("bearer" = []), ("apiKey" = [])), responses(
    (status = 200, description = "A page of templates", body = ListEnvelope<TemplateView>),
))]
async fn list(
    State(api): State<Api>,
    caller: Option<Caller<TemplatesRead>>,
    Query(page): Query<ListQuery>,
    Query(filters): Query<Filters>,
) -> Result<Listed<TemplateView>> {
    let filter = TemplateFilter {
        visibility: visibility(caller.as_ref()),
        category: filters.category,
        kind: filters.kind.map(|kind| kind.0),
        is_official: filters.is_official,
        is_public: filters.is_public,
        search: filters.search,
        tags: tags(filters.tags.as_deref()),
    };
    let page = page.request_or(TemplateSort::of_word, Direction::Descending);
    Ok(Listed::of(api.platform().templates().list(&filter, page).await?, TemplateView::from))
}

/// The categories of public templates, each once, sorted.
#[utoipa::path(get, path = "/templates/categories", tag = "templates", security(()), responses(
    (status = 200, description = "The categories", body = Envelope<Vec<String>>),
))]
async fn categories(State(api): State<Api>) -> Result<Reply<Vec<String>>> {
    Ok(Reply::ok(api.platform().templates().categories().await?))
}

async fn seen(api: &Api, id: uuid::Uuid, caller: Option<&Known>) -> Result<Template> {
    let visibility = match caller {
        None => Visibility::Public,
        Some(known) if known.is_admin() => Visibility::All,
        Some(known) => Visibility::Of(known.user.id),
    };
    let template = api.platform().templates().get(id, visibility).await?;
    template.ok_or_else(|| Error::not_found("template"))
}

/// A template, with all it consists of.
#[utoipa::path(get, path = "/templates/{id}", tag = "templates", params(("id" = Uuid, Path)),
    security((), ("bearer" = []), ("apiKey" = [])), responses(
    (status = 200, description = "The template", body = Envelope<TemplateView>),
))]
async fn read(
    State(api): State<Api>,
    caller: Option<Caller<TemplatesRead>>,
    Id(id): Id,
) -> Result<Reply<TemplateView>> {
    let template = seen(&api, id, caller.as_deref()).await?;
    let etag = Etag(template.updated_at);
    Ok(Reply::ok(template.into()).tagged(etag))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Instantiate {
    /// What it is called; by default as the template.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "My pipeline")]
    name: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// By default those of the template.
    #[schema(max_items = 20)]
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    is_public: bool,
    /// What is laid over the configuration of an agent, the definition of a workflow.
    customizations: Option<Map<String, Value>>,
    /// The same under another name; `customizations` counts for more.
    config: Option<Map<String, Value>>,
}

/// Makes an agent or a workflow of a template.
///
/// Agents that a workflow needs and that are not there are made with it.
#[utoipa::path(post, path = "/templates/{id}/instantiate", tag = "templates", params(("id" = Uuid, Path)),
    request_body = Instantiate, responses(
    (status = 201, description = "What was made", body = Envelope<Instantiated>),
    (status = 422, description = "Nothing can be made of the template"),
))]
async fn instantiate(
    State(api): State<Api>,
    caller: Caller<TemplatesExecute>,
    Id(id): Id,
    Body(given): Body<Instantiate>,
) -> Result<Reply<Instantiated>> {
    let template = seen(&api, id, Some(&caller)).await?;
    let mut over = given.config.unwrap_or_default();
    super::shape::lay_over(&mut over, given.customizations.unwrap_or_default());
    let wish = Wish {
        owner: caller.id(),
        name: given.name.map(|name| name.trim().to_owned()),
        description: given.description,
        tags: given.tags.map(|tags| tags.into_iter().map(|tag| tag.0).collect()),
        is_public: given.is_public,
        over,
    };
    let made = instantiate::make(&api, &template, wish).await?;
    api.platform().templates().count_use(id).await?;
    let kind = template.kind.word();
    let from = serde_json::json!({ "templateId": id });
    api.events()
        .note(
            Note::change(kind, "created", made.id, caller.id(), caller.id()).changes(from.clone()).data(from),
        )
        .await;
    Ok(Reply::created(made.view).tagged(made.etag))
}
