//! Making, reading, changing, deleting and restoring, noun by noun.

use serde_json::json;
use turbocat_core::Timestamp;
use turbocat_storage::StorageErrorKind;
use turbocat_storage::platform::*;
use uuid::Uuid;

use crate::setting::{BEGIN, on_each};

#[tokio::test]
async fn an_agent_is_made_with_the_usual_limits_changed_and_deleted() {
    on_each(|setting| async move {
        let agents = setting.platform.agents();
        let made = setting.agent("first").await;
        assert_eq!(made.created_at, Timestamp::from_millis(BEGIN));
        assert_eq!((made.status, made.version, made.max_execution_time), (AgentStatus::Draft, 1, Some(300)));
        assert_eq!((made.tools.clone(), made.total_executions, made.tags.len()), (json!([]), 0, 0));
        assert_eq!(agents.get(made.id).await.unwrap().as_ref(), Some(&made));

        let patch = AgentPatch {
            description: Some(Some("what it does".to_owned())),
            max_memory_mb: Some(None),
            status: Some(AgentStatus::Active),
            ..AgentPatch::default()
        };
        let changed = agents.update(made.id, patch, Some(made.updated_at)).await.unwrap();
        assert_eq!(changed.description.as_deref(), Some("what it does"));
        assert_eq!((changed.max_memory_mb, changed.name.as_str()), (None, "first"));
        let cleared = AgentPatch { description: Some(None), ..AgentPatch::default() };
        assert_eq!(agents.update(made.id, cleared, None).await.unwrap().description, None);

        agents.delete(made.id).await.unwrap();
        assert_eq!(agents.get(made.id).await.unwrap(), None);
        let gone = agents.delete(made.id).await.unwrap_err();
        assert_eq!(
            (gone.kind(), gone.to_string().as_str()),
            (StorageErrorKind::NotFound, "there is no such agent")
        );
        let gone = agents.update(made.id, AgentPatch::default(), None).await.unwrap_err();
        assert_eq!(gone.kind(), StorageErrorKind::NotFound);
        assert_eq!(agents.restore(made.id).await.unwrap().name, "first");
        assert_eq!(agents.restore(made.id).await.unwrap_err().kind(), StorageErrorKind::NotFound);
        assert_eq!(agents.get_many(vec![made.id, Uuid::nil()]).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_changes_what_was_changed_is_told() {
    on_each(|setting| async move {
        let agents = setting.platform.agents();
        let made = setting.agent("first").await;
        let name = |name: &str| AgentPatch { name: Some(name.to_owned()), ..AgentPatch::default() };
        // All in one millisecond: every change has a time of its own all the same.
        let second = agents.update(made.id, name("second"), Some(made.updated_at)).await.unwrap();
        assert!(second.updated_at > made.updated_at);
        let error = agents.update(made.id, name("third"), Some(made.updated_at)).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        assert_eq!(error.to_string(), "the agent was changed by somebody else");
        let third = agents.update(made.id, name("third"), Some(second.updated_at)).await.unwrap();
        setting.pass(1000);
        let fourth = agents.update(made.id, AgentPatch::default(), Some(third.updated_at)).await.unwrap();
        assert_eq!(
            (fourth.updated_at, fourth.name.as_str()),
            (Timestamp::from_millis(BEGIN + 1000), "third")
        );
    })
    .await;
}

#[tokio::test]
async fn versions_of_an_agent_are_one_tree() {
    on_each(|setting| async move {
        let agents = setting.platform.agents();
        let first = setting.agent("one").await;
        let second = agents.duplicate(first.id, setting.user.id, None, None).await.unwrap();
        assert_eq!(
            (second.name.as_str(), second.version, second.parent_id),
            ("Copy of one", 2, Some(first.id))
        );
        assert_eq!((second.config.clone(), second.status), (first.config.clone(), AgentStatus::Draft));
        let third =
            agents.duplicate(second.id, setting.user.id, Some("three".to_owned()), None).await.unwrap();
        assert_eq!((third.version, third.parent_id), (3, Some(first.id)));
        agents.delete(second.id).await.unwrap();
        setting.agent("stranger").await;
        for id in [first.id, second.id, third.id] {
            let versions: Vec<i32> =
                agents.versions(id).await.unwrap().iter().map(|version| version.version).collect();
            assert_eq!(versions, [3, 2, 1]);
        }
        let error = agents.duplicate(second.id, setting.user.id, None, None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_user_has_an_address_of_their_own() {
    on_each(|setting| async move {
        let users = setting.platform.users();
        assert_eq!(setting.user.email, "ada@example.org");
        assert_eq!(users.by_email(" ADA@example.ORG").await.unwrap().unwrap().id, setting.user.id);
        let error = users.create(NewUser::new("ADA@EXAMPLE.ORG")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        let other = users.create(NewUser::new("b@example.org")).await.unwrap();
        let patch = UserPatch { email: Some("Ada@Example.org".to_owned()), ..UserPatch::default() };
        assert_eq!(users.update(other.id, patch, None).await.unwrap_err().kind(), StorageErrorKind::Conflict);
        users.delete(setting.user.id).await.unwrap();
        assert_eq!(users.by_email("ada@example.org").await.unwrap(), None);
        assert!(users.email_taken("Ada@example.org").await.unwrap(), "until they are gone for good");
        users.restore(setting.user.id).await.unwrap();
        assert_eq!(users.list(&UserFilter::default(), PageRequest::default()).await.unwrap().total, 2);
    })
    .await;
}

#[tokio::test]
async fn what_proves_a_user_is_found_and_not_shown() {
    on_each(|setting| async move {
        let users = setting.platform.users();
        let patch = UserPatch {
            password_hash: Some(Some(Hidden::new("$argon2id$secret"))),
            verification_token: Some(Some(Hidden::new("cafe"))),
            verification_token_expiry: Some(Some(Timestamp::from_millis(BEGIN + 10))),
            oauth_provider: Some(Some("github".to_owned())),
            oauth_id: Some(Some("7".to_owned())),
            google_id: Some(Some("g7".to_owned())),
            tutorial_progress: Some(json!({ "lastStep": 3 })),
            ..UserPatch::default()
        };
        let user = users.update(setting.user.id, patch, None).await.unwrap();
        assert_eq!(user.password_hash.as_ref().unwrap().reveal(), "$argon2id$secret");
        let shown = format!("{user:?}");
        assert!(!shown.contains("argon2") && !shown.contains("cafe"), "{shown}");
        assert!(users.by_verification_token("cafe").await.unwrap().is_some());
        assert!(users.by_oauth("github", "7").await.unwrap().is_some());
        assert!(users.by_oauth("google", "7").await.unwrap().is_none());
        assert!(users.by_google_id("g7").await.unwrap().is_some());
        setting.pass(10);
        assert!(users.by_verification_token("cafe").await.unwrap().is_none(), "it expired");
    })
    .await;
}

#[tokio::test]
async fn a_deployment_goes_only_where_it_may() {
    on_each(|setting| async move {
        let deployments = setting.platform.deployments();
        let agent = setting.agent("kept").await;
        for (workflow, agent) in [(None, None), (Some(agent.id), Some(agent.id))] {
            let error = DeploymentTarget::of(workflow, agent).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Invalid);
        }
        let target = DeploymentTarget::of(None, Some(agent.id)).unwrap();
        let new = NewDeployment::new(setting.user.id, "kept ready");
        let made = deployments.create(new, target).await.unwrap();
        assert_eq!(
            (made.status, made.health_status, made.environment),
            (DeploymentStatus::Stopped, HealthStatus::Unknown, Environment::Production)
        );
        let error = deployments.transition(made.id, Transition::Started).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        assert_eq!(error.to_string(), "a deployment that is `stopped` cannot become `running`");
        deployments.transition(made.id, Transition::Start).await.unwrap();
        setting.pass(5);
        let running = deployments.transition(made.id, Transition::Started).await.unwrap();
        let now = Some(setting.platform.now());
        assert_eq!(
            (running.status, running.deployed_at, running.last_health_check_at),
            (DeploymentStatus::Running, now, now)
        );
        assert_eq!(running.health_status, HealthStatus::Healthy);
        deployments.transition(made.id, Transition::Stop).await.unwrap();
        // The second of two who try, or a timer that comes late.
        deployments.transition(made.id, Transition::Started).await.unwrap_err();
        let stopped = deployments.transition(made.id, Transition::Stopped).await.unwrap();
        assert_eq!((stopped.health_status, stopped.deployed_at), (HealthStatus::Unknown, now));
        let filter = DeploymentFilter { agent_id: Some(agent.id), ..DeploymentFilter::default() };
        assert_eq!(deployments.list(&filter, PageRequest::default()).await.unwrap().total, 1);

        deployments.transition(made.id, Transition::Start).await.unwrap();
        deployments.delete(made.id).await.unwrap();
        let error = deployments.transition(made.id, Transition::Started).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound, "no timer brings it back");
        assert_eq!(deployments.restore(made.id).await.unwrap().status, DeploymentStatus::Stopped);
    })
    .await;
}

#[tokio::test]
async fn every_transition_is_guarded() {
    on_each(|setting| async move {
        let agent = setting.agent("kept").await;
        let all = [
            Transition::Start,
            Transition::Started,
            Transition::Stop,
            Transition::Stopped,
            Transition::Fail,
            Transition::Maintain,
        ];
        let deployments = setting.platform.deployments();
        let new = NewDeployment::new(setting.user.id, "kept");
        let made = deployments.create(new, DeploymentTarget::Agent(agent.id)).await.unwrap();
        for status in DeploymentStatus::ALL {
            for transition in all {
                let sql = "update deployments set status = $2 where id = $1";
                let args = turbocat_storage::args![made.id, *status];
                setting.platform.database().execute(sql, args).await.unwrap();
                let done = deployments.transition(made.id, transition).await;
                let allowed = transition.from().contains(status);
                assert_eq!(done.is_ok(), allowed, "{transition:?} from {status}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_found_by_its_hash_until_it_is_revoked() {
    on_each(|setting| async move {
        let keys = setting.platform.api_keys();
        let new = || NewApiKey {
            user_id: setting.user.id,
            name: "ci".to_owned(),
            key_hash: Hidden::new("ab12"),
            key_prefix: "tk_live_abcd".to_owned(),
            scopes: vec!["agents:read".to_owned(), "*".to_owned()],
            expires_at: None,
            rate_limit_per_minute: 60,
        };
        let made = keys.create(new()).await.unwrap();
        assert_eq!(keys.create(new()).await.unwrap_err().kind(), StorageErrorKind::Conflict);
        assert_eq!(keys.by_hash("ab12").await.unwrap().unwrap().scopes, ["agents:read", "*"]);
        keys.count_use(made.id).await.unwrap();
        let used = &keys.of_user(setting.user.id).await.unwrap()[0];
        assert_eq!((used.usage_count, used.last_used_at), (1, Some(setting.platform.now())));
        let error = keys.revoke(Uuid::nil(), made.id).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound, "it is somebody else's");
        keys.revoke(setting.user.id, made.id).await.unwrap();
        assert_eq!(keys.by_hash("ab12").await.unwrap(), None);
        assert!(keys.of_user(setting.user.id).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_team_has_members_and_agents() {
    on_each(|setting| async move {
        let (teams, owner) = (setting.platform.teams(), setting.user.id);
        let other = setting.platform.users().create(NewUser::new("b@example.org")).await.unwrap();
        let agent = setting.agent("shared").await;
        let new =
            NewTeam { name: "one".into(), description: None, owner_id: owner, status: TeamStatus::Active };
        let team = teams.create(new).await.unwrap();
        teams.add_member(team.id, other.id, "member").await.unwrap();
        teams.add_member(team.id, other.id, "lead").await.unwrap();
        let members = teams.members(team.id).await.unwrap();
        assert_eq!(
            (members.len(), members[0].role.as_str(), members[0].email.as_str()),
            (1, "lead", "b@example.org")
        );
        for user in [owner, other.id] {
            assert_eq!(teams.of_user(user, PageRequest::default()).await.unwrap().total, 1);
        }
        assert!(teams.is_member(team.id, other.id).await.unwrap());
        assert!(teams.add_agent(team.id, agent.id).await.unwrap());
        assert!(!teams.add_agent(team.id, agent.id).await.unwrap());
        assert_eq!(teams.agents(team.id).await.unwrap()[0].name, "shared");
        teams.remove_agent(team.id, agent.id).await.unwrap();
        assert_eq!(
            teams.remove_agent(team.id, agent.id).await.unwrap_err().kind(),
            StorageErrorKind::NotFound
        );
        teams.remove_member(team.id, other.id).await.unwrap();
        assert_eq!(teams.of_user(other.id, PageRequest::default()).await.unwrap().total, 0);
        let nobody = teams.add_member(team.id, Uuid::nil(), "member").await.unwrap_err();
        assert_eq!(nobody.kind(), StorageErrorKind::Constraint);
        let patch = TeamPatch { status: Some(TeamStatus::Inactive), ..TeamPatch::default() };
        assert_eq!(teams.update(team.id, patch, None).await.unwrap().status, TeamStatus::Inactive);
        teams.delete(team.id).await.unwrap();
        assert_eq!(teams.get(team.id).await.unwrap(), None);
        assert_eq!(teams.restore(team.id).await.unwrap().name, "one");
    })
    .await;
}

#[tokio::test]
async fn a_trigger_names_what_it_starts() {
    on_each(|setting| async move {
        let triggers = setting.platform.triggers();
        let error = triggers.create(NewTrigger::new(TriggerKind::Cron, "lost")).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Constraint);
        let mut new = NewTrigger::new(TriggerKind::Event, "on order");
        new.workflow_name = Some("invoices".to_owned());
        new.event_name = Some("order".to_owned());
        new.inputs = json!({ "b": 1, "a": 2 });
        let made = triggers.create(new).await.unwrap();
        assert_eq!(
            (made.missed, made.enabled, made.inputs.to_string()),
            (MissedPolicy::Skip, true, r#"{"b":1,"a":2}"#.to_owned())
        );
        let patch = TriggerPatch {
            enabled: Some(false),
            next_at: Some(Some(Timestamp::from_millis(BEGIN))),
            ..TriggerPatch::default()
        };
        let changed = triggers.update(made.id, patch, Some(made.updated_at)).await.unwrap();
        assert_eq!(changed.next_at, Some(Timestamp::from_millis(BEGIN)));
        for (filter, total) in [
            (TriggerFilter { event_name: Some("order".into()), ..TriggerFilter::default() }, 1),
            (TriggerFilter { enabled: Some(true), ..TriggerFilter::default() }, 0),
            (TriggerFilter { kind: Some(TriggerKind::Event), ..TriggerFilter::default() }, 1),
            (TriggerFilter { workflow_name: Some("other".into()), ..TriggerFilter::default() }, 0),
        ] {
            assert_eq!(
                triggers.list(&filter, PageRequest::default()).await.unwrap().total,
                total,
                "{filter:?}"
            );
        }
        triggers.delete(made.id).await.unwrap();
        assert_eq!(triggers.get(made.id).await.unwrap(), None);
        triggers.restore(made.id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_template_is_used_and_rated() {
    on_each(|setting| async move {
        let templates = setting.platform.templates();
        let new = NewTemplate {
            name: "t".to_owned(),
            description: None,
            category: "c".to_owned(),
            kind: TemplateType::Workflow,
            user_id: Some(setting.user.id),
            template_data: json!({ "definition": { "z": 1, "a": "\u{0}" } }),
            tags: vec![],
            is_official: true,
            is_public: true,
        };
        let made = templates.create(new).await.unwrap();
        assert_eq!(made.template_data.to_string(), r#"{"definition":{"z":1,"a":"\u0000"}}"#);
        templates.count_use(made.id).await.unwrap();
        templates.rate(made.id, 5.0).await.unwrap();
        templates.rate(made.id, 2.0).await.unwrap();
        let read = templates.get(made.id, Visibility::Public).await.unwrap().unwrap();
        assert_eq!((read.usage_count, read.rating_count), (1, 2));
        assert!((read.rating_average - 3.5).abs() < 1e-9);
        for wrong in [-0.1, 5.1, f64::NAN] {
            assert_eq!(templates.rate(made.id, wrong).await.unwrap_err().kind(), StorageErrorKind::Invalid);
        }
        let patch = TemplatePatch { is_public: Some(false), ..TemplatePatch::default() };
        templates.update(made.id, patch, None).await.unwrap();
        assert_eq!(templates.get(made.id, Visibility::Public).await.unwrap(), None);
        templates.delete(made.id).await.unwrap();
        assert_eq!(templates.count_use(made.id).await.unwrap_err().kind(), StorageErrorKind::NotFound);
        templates.restore(made.id).await.unwrap();
    })
    .await;
}
