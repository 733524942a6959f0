//! Agents that follow a script.

use super::*;

async fn ask(agent: &ScriptedAgent, inputs: Value) -> Result<Value, StepFailure> {
    agent.execute(AttemptRequest::new(inputs)).await.map(|output| (*output.value).clone())
}

#[tokio::test]
async fn a_scripted_agent_answers_in_order_then_by_default_then_fails_for_good() {
    let agent = ScriptedAgent::new().then(1).then_fail("no").step("test").then(2).step("other").then(3);
    assert_eq!(ask(&agent, json!({})).await.unwrap(), 2, "the answers of a step come before those of any");
    assert_eq!(ask(&agent, json!({})).await.unwrap(), 1);
    assert_eq!(ask(&agent, json!({})).await.unwrap_err().message, "no");
    let unscripted = ask(&agent, json!({})).await.unwrap_err();
    assert_eq!(unscripted.message, "the script has no answer for step `test`, attempt 1");
    assert!(!unscripted.retryable);
    assert_eq!(agent.answers_left(), 1, "the answer for step `other` was never asked for");
    let agent = agent.otherwise("always");
    assert_eq!(ask(&agent, json!({})).await.unwrap(), "always");
    let agent = agent.echo();
    assert_eq!(ask(&agent, json!([7])).await.unwrap(), json!([7]));
    assert_eq!(agent.calls().len(), 6);
    assert!(agent.calls().iter().all(|call| call.end == CallEnd::Answered && call.path == "test"));
    assert_eq!(agent.calls()[5].inputs, json!([7]));
    assert!(agent.calls_of("other").is_empty());
}

#[tokio::test]
async fn a_scripted_agent_hangs_until_it_is_released() {
    let agent = ScriptedAgent::new().then_held("late").then_hang().otherwise_hang();
    let ask_once = || {
        let agent = agent.clone();
        tokio::spawn(async move { ask(&agent, json!({})).await })
    };
    let first = ask_once();
    agent.until_hanging(1).await;
    agent.release_step("other");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(agent.hanging(), 1, "another step was released");
    agent.release_step("test");
    assert_eq!(first.await.unwrap().unwrap(), "late");
    let (second, third) = (ask_once(), ask_once());
    agent.until_hanging(2).await;
    agent.release();
    assert_eq!(second.await.unwrap().unwrap(), Value::Null);
    assert_eq!(third.await.unwrap().unwrap(), Value::Null);
    let fourth = ask_once();
    agent.until_hanging(1).await;
    assert!(!fourth.is_finished(), "a release is for those who hang then");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn calls_that_are_answered_at_once_are_not_taken_for_those_that_hang() {
    let agent = ScriptedAgent::new().otherwise(1);
    let ask_often = || {
        let agent = agent.clone();
        tokio::spawn(async move {
            for _ in 0..3000 {
                ask(&agent, json!({})).await.unwrap();
            }
        })
    };
    let (one, two) = (ask_often(), ask_often());
    tokio::select! {
        () = agent.until_hanging(1) => panic!("a call hangs that was answered"),
        done = async { one.await.and(two.await) } => done.unwrap(),
    }
    agent.until_called(6000).await;
}

#[tokio::test]
async fn a_scripted_agent_knows_that_it_was_dropped() {
    let agent = ScriptedAgent::new().then_hang();
    let asked = tokio::spawn({
        let agent = agent.clone();
        async move { ask(&agent, json!({})).await }
    });
    agent.until_called(1).await;
    asked.abort();
    agent.until_hanging(0).await;
    assert_eq!(agent.calls()[0].end, CallEnd::Dropped);
}
