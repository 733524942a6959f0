//! What providers are sent, field by field.

use serde_json::{Value, json};
use turbocat_core::{AgentExecutor, AttemptRequest};
use turbocat_plugins::llm::Provider;

use crate::kit::{Around, OVER_HTTP, agent, ask, ask_in, bodies, model, reply, script};
use crate::server::Server;

/// A configuration that says everything there is to say of a conversation.
fn full(provider: Provider) -> Value {
    let mut config = json!({
        "provider": provider.name(),
        "model": model(provider),
        "systemPrompt": "Be brief.",
        "messages": [
            { "role": "user", "content": "Hi" },
            { "role": "system", "content": "Be kind." },
            { "role": "assistant", "content": "Hello" },
        ],
        "promptTemplate": "Greet Ada",
        "temperature": 0.2,
        "maxTokens": 50,
        "topP": 0.9,
        "stopSequences": ["END"],
        "stream": false,
    });
    if provider != Provider::Anthropic {
        config["frequencyPenalty"] = json!(0.1);
        config["presencePenalty"] = json!(0.3);
    }
    config
}

async fn sent(provider: Provider, config: Value) -> (Server, Value) {
    let server = script(vec![reply(provider, "", false)]).await;
    ask(&agent(&server), config).await.unwrap();
    let body = bodies(&server).remove(0);
    (server, body)
}

fn header(server: &Server, name: &str) -> Option<String> {
    server.only().header(name).map(str::to_owned)
}

#[tokio::test]
async fn openai_is_sent_chat_completions() {
    let (server, body) = sent(Provider::OpenAi, full(Provider::OpenAi)).await;
    let seen = server.only();
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/v1/chat/completions"));
    assert_eq!(header(&server, "authorization").as_deref(), Some("Bearer sk-openai_api_key"));
    assert_eq!(header(&server, "content-type").as_deref(), Some("application/json"));
    let expected = json!({
        "model": "gpt-4o-mini",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "system", "content": "Be kind." },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Greet Ada" },
        ],
        "temperature": 0.2,
        "max_tokens": 50,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.3,
        "stop": ["END"],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn anthropic_is_sent_messages() {
    let (server, body) = sent(Provider::Anthropic, full(Provider::Anthropic)).await;
    let seen = server.only();
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/v1/messages"));
    assert_eq!(header(&server, "x-api-key").as_deref(), Some("sk-anthropic_api_key"));
    assert_eq!(header(&server, "anthropic-version").as_deref(), Some("2023-06-01"));
    assert_eq!(header(&server, "authorization"), None);
    let expected = json!({
        "model": "claude-haiku-4-5",
        "max_tokens": 50,
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Greet Ada" },
        ],
        "temperature": 0.2,
        "top_p": 0.9,
        "stop_sequences": ["END"],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn google_is_sent_contents() {
    let (server, body) = sent(Provider::Google, full(Provider::Google)).await;
    let seen = server.only();
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/v1beta/models/gemini-2.5-flash:generateContent"));
    assert_eq!(header(&server, "x-goog-api-key").as_deref(), Some("sk-gemini_api_key"));
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "Be brief.\n\nBe kind." }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "Hi" }] },
            { "role": "model", "parts": [{ "text": "Hello" }] },
            { "role": "user", "parts": [{ "text": "Greet Ada" }] },
        ],
        "generationConfig": {
            "temperature": 0.2,
            "maxOutputTokens": 50,
            "topP": 0.9,
            "frequencyPenalty": 0.1,
            "presencePenalty": 0.3,
            "stopSequences": ["END"],
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn ollama_is_sent_a_chat() {
    let (server, body) = sent(Provider::Ollama, full(Provider::Ollama)).await;
    let seen = server.only();
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/api/chat"));
    assert_eq!(header(&server, "authorization"), None);
    let expected = json!({
        "model": "llama3.2",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "system", "content": "Be kind." },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Greet Ada" },
        ],
        "stream": false,
        "options": {
            "temperature": 0.2,
            "num_predict": 50,
            "top_p": 0.9,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.3,
            "stop": ["END"],
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn what_nobody_says_has_a_default() {
    let check = async |provider: Provider, expected: Value| {
        let config = json!({ "provider": provider.name(), "model": model(provider), "stream": false });
        assert_eq!(sent(provider, config).await.1, expected, "{}", provider.name());
    };
    let user = json!([{ "role": "user", "content": "Greet Ada" }]);
    check(
        Provider::OpenAi,
        json!({ "model": "gpt-4o-mini", "messages": user, "temperature": 0.7, "max_tokens": 1000 }),
    )
    .await;
    check(
        Provider::Anthropic,
        json!({ "model": "claude-haiku-4-5", "max_tokens": 1000, "messages": user, "temperature": 0.7 }),
    )
    .await;
    let contents = json!([{ "role": "user", "parts": [{ "text": "Greet Ada" }] }]);
    check(
        Provider::Google,
        json!({ "contents": contents, "generationConfig": { "temperature": 0.7, "maxOutputTokens": 1000 } }),
    )
    .await;
    check(Provider::Ollama, json!({ "model": "llama3.2", "messages": user, "stream": false, "options": { "temperature": 0.7, "num_predict": 1000 } })).await;
}

#[tokio::test]
async fn models_that_think_are_not_told_a_temperature() {
    let config = json!({ "model": "o3-mini", "stream": false });
    let (_, body) = sent(Provider::OpenAi, config).await;
    assert_eq!(
        (&body["max_completion_tokens"], body.get("temperature"), body.get("max_tokens")),
        (&json!(1000), None, None)
    );
    let config = json!({ "provider": "anthropic", "model": "claude-opus-4-5", "topP": 0.5, "stream": false });
    let (_, body) = sent(Provider::Anthropic, config).await;
    assert_eq!((&body["top_p"], body.get("temperature")), (&json!(0.5), None));
}

#[tokio::test]
async fn a_stream_is_asked_for_in_each_language() {
    let check = async |provider: Provider, target: &str, field: Option<&str>| {
        let server = script(vec![reply(provider, "", true)]).await;
        ask(&agent(&server), json!({ "provider": provider.name(), "model": model(provider) })).await.unwrap();
        assert_eq!(server.only().target, target);
        let body = bodies(&server).remove(0);
        assert_eq!(body.get("stream"), field.map(|_| &Value::Bool(true)), "{body}");
        let usage = (provider == Provider::OpenAi).then(|| json!({ "include_usage": true }));
        assert_eq!(body.get("stream_options"), usage.as_ref());
    };
    check(Provider::OpenAi, "/v1/chat/completions", Some("stream")).await;
    check(Provider::Anthropic, "/v1/messages", Some("stream")).await;
    check(Provider::Google, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", None).await;
    check(Provider::Ollama, "/api/chat", Some("stream")).await;
}

#[tokio::test]
async fn an_answer_by_schema_is_asked_for_in_each_language() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
    let body = async |provider: Provider, more: Value| {
        let mut config =
            json!({ "provider": provider.name(), "model": model(provider), "stream": false, "maxReasks": 0 });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let server = script(vec![reply(provider, "", false)]).await;
        // what comes back does not fit: only the request matters here
        _ = ask(&agent(&server), config).await;
        bodies(&server).remove(0)
    };
    let by_schema = || json!({ "outputSchema": schema });
    let told = |body: &Value| body.to_string().contains("Answer with JSON that fits this JSON Schema");

    let openai = body(Provider::OpenAi, by_schema()).await;
    let expected = json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": true } });
    assert_eq!(openai["response_format"], expected);
    assert!(!told(&openai));

    let anthropic = body(Provider::Anthropic, by_schema()).await;
    assert_eq!(anthropic["tool_choice"], json!({ "type": "tool", "name": "answer_in_json" }));
    assert_eq!(anthropic["tools"][0]["input_schema"], schema);
    assert!(!told(&anthropic));

    let google = body(Provider::Google, by_schema()).await;
    assert_eq!(google["generationConfig"]["responseMimeType"], "application/json");
    assert_eq!(google["generationConfig"]["responseJsonSchema"], schema);
    assert!(!told(&google));

    let ollama = body(Provider::Ollama, by_schema()).await;
    assert_eq!(ollama["format"], schema);

    // Who cannot be told so is told in words.
    let list = json!({ "outputSchema": { "type": "array" } });
    let anthropic = body(Provider::Anthropic, list).await;
    assert!(told(&anthropic) && anthropic.get("tools").is_none());
    for provider in OVER_HTTP {
        let in_words =
            json!({ "responseFormat": { "type": "json_schema", "schema": schema, "native": false } });
        let body = body(provider, in_words).await;
        assert!(told(&body), "{body}");
        let named = ["response_format", "tools", "format"].map(|field| body.get(field));
        assert_eq!((named, body["generationConfig"].get("responseMimeType")), ([None; 3], None));
    }

    let any = json!({ "responseFormat": "json_object" });
    assert_eq!(
        body(Provider::OpenAi, any.clone()).await["response_format"],
        json!({ "type": "json_object" })
    );
    assert_eq!(body(Provider::Ollama, any.clone()).await["format"], "json");
    assert_eq!(
        body(Provider::Google, any.clone()).await["generationConfig"]["responseMimeType"],
        "application/json"
    );
    assert_eq!(
        body(Provider::Anthropic, any).await["system"],
        "Answer with one JSON object and nothing else."
    );
}

#[tokio::test]
async fn tools_and_what_they_gave_are_told_in_each_language() {
    let config = |provider: Provider| json!({ "provider": provider.name(), "model": model(provider), "stream": false, "tools": [{ "name": "weather", "agent": "forecast" }] });
    let takes =
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    for provider in OVER_HTTP {
        let server = script(vec![reply(provider, "_tools", false), reply(provider, "", false)]).await;
        let around =
            Around::default().agent("forecast", takes.clone(), |inputs| match inputs["city"].as_str() {
                Some("Paris") => Ok(json!({ "sky": "clear" }).into()),
                _ => Err(turbocat_core::StepFailure::error("no such city")),
            });
        ask_in(&around.into(), &agent(&server), config(provider)).await.unwrap();
        let [first, second] = bodies(&server).try_into().unwrap();
        let (tools, said) = match provider {
            Provider::OpenAi => (
                json!([{ "type": "function", "function": { "name": "weather", "description": "What forecast does.", "parameters": takes } }]),
                json!([
                    { "role": "user", "content": "Greet Ada" },
                    { "role": "assistant", "content": "", "tool_calls": [
                        { "id": "call_abc", "type": "function", "function": { "name": "weather", "arguments": "{\"city\": \"Paris\"}" } },
                        { "id": "call_def", "type": "function", "function": { "name": "weather", "arguments": "{\"city\": \"Rome\"}" } },
                    ] },
                    { "role": "tool", "tool_call_id": "call_abc", "content": "{\"sky\":\"clear\"}" },
                    { "role": "tool", "tool_call_id": "call_def", "content": "{\"error\":\"no such city\"}" },
                ]),
            ),
            Provider::Anthropic => (
                json!([{ "name": "weather", "description": "What forecast does.", "input_schema": takes }]),
                json!([
                    { "role": "user", "content": "Greet Ada" },
                    { "role": "assistant", "content": [
                        { "type": "text", "text": "I'll look." },
                        { "type": "tool_use", "id": "toolu_01", "name": "weather", "input": { "city": "Paris" } },
                        { "type": "tool_use", "id": "toolu_02", "name": "weather", "input": { "city": "Rome" } },
                    ] },
                    { "role": "user", "content": [
                        { "type": "tool_result", "tool_use_id": "toolu_01", "content": "{\"sky\":\"clear\"}" },
                        { "type": "tool_result", "tool_use_id": "toolu_02", "content": "{\"error\":\"no such city\"}", "is_error": true },
                    ] },
                ]),
            ),
            Provider::Google => (
                json!([{ "functionDeclarations": [{ "name": "weather", "description": "What forecast does.", "parametersJsonSchema": takes }] }]),
                json!([
                    { "role": "user", "parts": [{ "text": "Greet Ada" }] },
                    { "role": "model", "parts": [
                        { "functionCall": { "name": "weather", "args": { "city": "Paris" } }, "thoughtSignature": "CiQB" },
                        { "functionCall": { "name": "weather", "args": { "city": "Rome" } } },
                    ] },
                    { "role": "user", "parts": [
                        { "functionResponse": { "name": "weather", "response": { "result": { "sky": "clear" } } } },
                        { "functionResponse": { "name": "weather", "response": { "error": "no such city" } } },
                    ] },
                ]),
            ),
            _ => (
                json!([{ "type": "function", "function": { "name": "weather", "description": "What forecast does.", "parameters": takes } }]),
                json!([
                    { "role": "user", "content": "Greet Ada" },
                    { "role": "assistant", "content": "", "tool_calls": [
                        { "function": { "name": "weather", "arguments": { "city": "Paris" } } },
                        { "function": { "name": "weather", "arguments": { "city": "Rome" } } },
                    ] },
                    { "role": "tool", "tool_name": "weather", "content": "{\"sky\":\"clear\"}" },
                    { "role": "tool", "tool_name": "weather", "content": "{\"error\":\"no such city\"}" },
                ]),
            ),
        };
        let conversation = if provider == Provider::Google { "contents" } else { "messages" };
        assert_eq!((&first["tools"], &second["tools"]), (&tools, &tools), "{}", provider.name());
        assert_eq!(second[conversation], said, "{}", provider.name());
    }
}

#[tokio::test]
async fn headers_and_more_fields_are_sent_as_they_are_said() {
    let config = json!({
        "model": "gpt-4o-mini", "stream": false,
        "headers": { "X-Title": "Cats", "Authorization": "Custom abc" },
        "extra": { "seed": 7, "temperature": 0 },
    });
    let (server, body) = sent(Provider::OpenAi, config).await;
    assert_eq!(header(&server, "x-title").as_deref(), Some("Cats"));
    assert_eq!(header(&server, "authorization").as_deref(), Some("Custom abc"));
    assert_eq!((&body["seed"], &body["temperature"]), (&json!(7), &json!(0)));
    let extra = json!({ "generationConfig": { "topK": 3 }, "safetySettings": [] });
    let config =
        json!({ "provider": "google", "model": "gemini-2.5-flash", "stream": false, "extra": extra });
    let (_, body) = sent(Provider::Google, config).await;
    assert_eq!(
        (&body["generationConfig"]["topK"], &body["generationConfig"]["maxOutputTokens"]),
        (&json!(3), &json!(1000))
    );
    assert_eq!(body["safetySettings"], json!([]));
}

#[tokio::test]
async fn there_is_exactly_one_question() {
    let check = async |config: Value, inputs: Value, expected: &str| {
        let server = script(vec![reply(Provider::OpenAi, "", false)]).await;
        let mut all = json!({ "model": "gpt-4o-mini", "stream": false });
        all.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        let done = agent(&server).execute(AttemptRequest::new(inputs.clone()).with_config(all)).await;
        let told = match done {
            Err(failure) => failure.to_string(),
            Ok(_) => {
                let body = bodies(&server).remove(0);
                let said = body["messages"].as_array().unwrap();
                said.iter().map(|message| message["content"].as_str().unwrap()).collect::<Vec<_>>().join("|")
            }
        };
        assert_eq!(told, expected, "{config} {inputs}");
    };
    let earlier = json!({ "messages": [{ "role": "user", "content": "earlier" }] });
    check(json!({ "promptTemplate": "a" }), json!({ "prompt": "b", "message": "c" }), "a").await;
    check(json!({}), json!({ "prompt": "b", "message": "c" }), "b").await;
    check(json!({}), json!({ "message": "c" }), "c").await;
    check(json!({}), json!({ "prompt": 42 }), "42").await;
    check(earlier.clone(), json!({ "prompt": "b" }), "earlier|b").await;
    check(earlier, json!({}), "earlier").await;
    let nothing =
        "there is nothing to ask: say `promptTemplate`, or give the input `prompt` or `message` (input)";
    check(json!({}), json!({}), nothing).await;
    check(
        json!({ "systemPrompt": "x", "messages": [{ "role": "system", "content": "y" }] }),
        json!({ "prompt": "" }),
        nothing,
    )
    .await;
    check(json!({}), json!({ "prompt": { "a": 1 } }), "the input `prompt` must be a text; write `{{ … | tojson }}` where a model is to read a value (input)").await;
}
