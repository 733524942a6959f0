//! Lists: pages, orders, filters, and texts that try to be SQL.

use serde_json::json;
use turbocat_storage::platform::{
    AgentFilter, AgentPatch, AgentSort, AgentStatus, AgentType, Direction, ExecutionFilter, ExecutionSort,
    ExecutionState, NewAgent, NewTemplate, NewUser, PageRequest, TemplateFilter, TemplateSort, TemplateType,
    UserFilter, Visibility,
};
use turbocat_storage::{StorageErrorKind, args};
use uuid::Uuid;

use crate::setting::on_each;

/// Texts that would do harm if one of them got into a statement.
const HOSTILE: &[&str] = &[
    "'; drop table agents; --",
    "\" or 1=1 --",
    "$1",
    "{uuid}",
    "{any_text:$1}",
    "%' escape '",
    "\\",
    "!_%",
    "a\u{1F600}\u{202E}b",
    "select * from users",
];

#[tokio::test]
async fn no_text_gets_into_sql() {
    on_each(|setting| async move {
        let agents = setting.platform.agents();
        for text in HOSTILE {
            let mut new = NewAgent::new(setting.user.id, *text, AgentType::Data);
            new.description = Some((*text).to_owned());
            new.tags = vec![(*text).to_owned()];
            new.config = json!({ *text: text });
            new.system_prompt = Some((*text).to_owned());
            let made = agents.create(new).await.unwrap();
            assert_eq!((made.name.as_str(), &made.tags[0]), (*text, &(*text).to_owned()));
            assert_eq!(made.config, json!({ *text: text }));
            for filter in [
                AgentFilter { search: Some((*text).to_owned()), ..AgentFilter::default() },
                AgentFilter { tags: vec!["none".to_owned(), (*text).to_owned()], ..AgentFilter::default() },
            ] {
                let found = agents.list(&filter, PageRequest::default()).await.unwrap();
                assert!(found.items.iter().any(|agent| agent.id == made.id), "{text}");
                assert!(found.items.iter().all(|agent| agent.name.contains(text)), "{text}");
            }
            let patch = AgentPatch { name: Some(format!("{text}!")), ..AgentPatch::default() };
            assert_eq!(agents.update(made.id, patch, None).await.unwrap().name, format!("{text}!"));
            let users = setting.platform.users();
            assert_eq!(users.by_email(text).await.unwrap(), None);
            let filter = UserFilter { search: Some((*text).to_owned()), ..UserFilter::default() };
            assert_eq!(users.list(&filter, PageRequest::default()).await.unwrap().total, 0, "{text}");
            assert_eq!(setting.platform.api_keys().by_hash(text).await.unwrap(), None);
            assert_eq!(AgentSort::of_word(text), None);
        }
        let all = agents.list(&AgentFilter::default(), PageRequest::default()).await.unwrap();
        assert_eq!(all.total, HOSTILE.len() as u64);
    })
    .await;
}

#[tokio::test]
async fn pages_are_stable_when_rows_are_equal() {
    on_each(|setting| async move {
        for number in 0..23 {
            setting.agent(&format!("same {}", number % 2)).await;
        }
        for (sort, direction) in [
            (AgentSort::CreatedAt, Direction::Descending),
            (AgentSort::Name, Direction::Ascending),
            (AgentSort::Status, Direction::Descending),
        ] {
            let mut seen = Vec::new();
            for page in 1..=5 {
                let request = PageRequest { page, page_size: 5, sort, direction };
                let page = setting.platform.agents().list(&AgentFilter::default(), request).await.unwrap();
                assert_eq!((page.total, page.total_pages()), (23, 5));
                assert_eq!((page.has_next(), page.has_previous()), (page.page < 5, page.page > 1));
                seen.extend(page.items.into_iter().map(|agent| agent.id));
            }
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 23, "every row once, sorted by {sort:?}");
        }
        let far = PageRequest { page: 100, ..PageRequest::default() };
        let page = setting.platform.agents().list(&AgentFilter::default(), far).await.unwrap();
        assert!(page.items.is_empty() && page.total == 23);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    on_each(|setting| async move {
        for (page, page_size) in [(0, 20), (1, 0), (1, 101)] {
            let request = PageRequest { page, page_size, ..PageRequest::default() };
            let error = setting.platform.agents().list(&AgentFilter::default(), request).await.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Invalid);
        }
    })
    .await;
}

#[tokio::test]
async fn filters_hold_together() {
    on_each(|setting| async move {
        let agents = setting.platform.agents();
        let other = setting.platform.users().create(NewUser::new("b@example.org")).await.unwrap();
        let user = setting.user.id;
        for (owner, name, kind, tags, public) in [
            (user, "Web Scraper", AgentType::Code, vec!["web", "data"], true),
            (user, "Mailer", AgentType::Api, vec!["mail"], false),
            (other.id, "Scrape 100%", AgentType::Code, vec!["data"], true),
        ] {
            let mut new = NewAgent::new(owner, name, kind);
            new.tags = tags.into_iter().map(str::to_owned).collect();
            new.is_public = public;
            agents.create(new).await.unwrap();
        }
        let none = AgentFilter::default;
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        for (filter, expected) in [
            (none(), vec!["Mailer", "Scrape 100%", "Web Scraper"]),
            (AgentFilter { user_id: Some(user), ..none() }, vec!["Mailer", "Web Scraper"]),
            (AgentFilter { kind: Some(AgentType::Code), ..none() }, vec!["Scrape 100%", "Web Scraper"]),
            (AgentFilter { search: Some("SCRAPE".into()), ..none() }, vec!["Scrape 100%", "Web Scraper"]),
            (AgentFilter { search: Some("0%".into()), ..none() }, vec!["Scrape 100%"]),
            (AgentFilter { search: Some("_".into()), ..none() }, vec![]),
            (
                AgentFilter { search: Some(String::new()), ..none() },
                vec!["Mailer", "Scrape 100%", "Web Scraper"],
            ),
            (AgentFilter { tags: tags(&["web", "mail"]), ..none() }, vec!["Mailer", "Web Scraper"]),
            (AgentFilter { tags: tags(&["we"]), ..none() }, vec![]),
            (AgentFilter { is_public: Some(false), ..none() }, vec!["Mailer"]),
            (AgentFilter { status: Some(AgentStatus::Active), ..none() }, vec![]),
            (
                AgentFilter {
                    user_id: Some(user),
                    tags: tags(&["data"]),
                    search: Some("web".into()),
                    is_public: Some(true),
                    ..none()
                },
                vec!["Web Scraper"],
            ),
        ] {
            let request = PageRequest {
                sort: AgentSort::Name,
                direction: Direction::Ascending,
                ..PageRequest::default()
            };
            let page = agents.list(&filter, request).await.unwrap();
            let names: Vec<&str> = page.items.iter().map(|agent| agent.name.as_str()).collect();
            assert_eq!(names, expected, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn rows_without_a_value_come_last_whichever_way() {
    on_each(|setting| async move {
        for number in 1..=4u128 {
            setting.execution(number, None).await;
        }
        for (number, took) in [(2u128, 50i64), (3, 10)] {
            let sql = "update executions set duration_ms = $2, status = 'completed' where id = $1";
            let args = args![Uuid::from_u128(number), took];
            setting.platform.database().execute(sql, args).await.unwrap();
        }
        let order = |direction| {
            let platform = setting.platform.clone();
            async move {
                let request =
                    PageRequest { sort: ExecutionSort::DurationMs, direction, ..PageRequest::default() };
                let page = platform.executions().list(&ExecutionFilter::default(), request).await.unwrap();
                page.items.iter().map(|row| row.id.as_uuid().as_u128()).collect::<Vec<_>>()
            }
        };
        assert_eq!(order(Direction::Ascending).await, [3, 2, 1, 4]);
        assert_eq!(order(Direction::Descending).await, [2, 3, 4, 1]);
        let filter = ExecutionFilter { status: Some(ExecutionState::Pending), ..ExecutionFilter::default() };
        assert_eq!(
            setting.platform.executions().list(&filter, PageRequest::default()).await.unwrap().total,
            2
        );
        let filter = ExecutionFilter { user_id: Some(Uuid::nil()), ..ExecutionFilter::default() };
        assert_eq!(
            setting.platform.executions().list(&filter, PageRequest::default()).await.unwrap().total,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn templates_are_seen_by_whom_they_are_for() {
    on_each(|setting| async move {
        let templates = setting.platform.templates();
        for (name, owner, public) in
            [("public", None, true), ("private", Some(setting.user.id), false), ("lost", None, false)]
        {
            let new = NewTemplate {
                name: name.to_owned(),
                description: None,
                category: format!("category {name}"),
                kind: TemplateType::Agent,
                user_id: owner,
                template_data: json!({}),
                tags: vec![],
                is_official: false,
                is_public: public,
            };
            templates.create(new).await.unwrap();
        }
        for (visibility, expected) in [
            (Visibility::Public, vec!["public"]),
            (Visibility::Of(setting.user.id), vec!["private", "public"]),
            (Visibility::Of(Uuid::nil()), vec!["public"]),
            (Visibility::All, vec!["lost", "private", "public"]),
        ] {
            let filter = TemplateFilter { visibility, ..TemplateFilter::default() };
            let request = PageRequest {
                sort: TemplateSort::Name,
                direction: Direction::Ascending,
                ..PageRequest::default()
            };
            let page = templates.list(&filter, request).await.unwrap();
            let names: Vec<&str> = page.items.iter().map(|template| template.name.as_str()).collect();
            assert_eq!(names, expected, "{visibility:?}");
            let lost = TemplateFilter { search: Some("lost".into()), ..filter };
            let lost = templates.list(&lost, PageRequest::default()).await.unwrap();
            assert_eq!(lost.total, u64::from(visibility == Visibility::All));
        }
        assert_eq!(templates.categories().await.unwrap(), ["category public"]);
    })
    .await;
}
