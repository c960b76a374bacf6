// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/disposition.h"

#include <QTest>

#include <set>
#include <string>

using namespace tidegate;

namespace {

Verdict ofAnswer(int status, const QByteArray &body)
{
    return classify({.status = status, .error = {body.constData(), size_t(body.size())}});
}

Verdict ofErrorInside(const QByteArray &payload)
{
    return classify({.status = 200,
                     .body = AttemptEnd::Body::Error,
                     .error = {payload.constData(), size_t(payload.size())}});
}

QByteArray shown(const Verdict &verdict)
{
    const std::string text = std::string(dispositionName(verdict.disposition)) + '/' +
                             std::string(faultName(verdict.fault));
    return QByteArray::fromStdString(text);
}

QByteArray openAi(const QByteArray &message, const QByteArray &type, const QByteArray &code = {})
{
    return R"({"error":{"message":")" + message + R"(","type":")" + type +
           R"(","param":null,"code":)" +
           (code.isEmpty() ? QByteArray("null") : QByteArray('"' + code + '"')) + "}}";
}

QByteArray anthropic(const QByteArray &type, const QByteArray &message)
{
    return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + R"("}})";
}

} // namespace

/// classify() and its table, by what providers and inference servers really write.
class TestDisposition : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void failures_data();
    void failures();
    void answers_data();
    void answers();
    void errorsInside_data();
    void errorsInside();
    void brokenBodies();
    void rules();
    void namesAreDistinct();
    void clientCannotDamage_data();
    void clientCannotDamage();
    void anyBytes();
    void clientFault();
};

void TestDisposition::failures_data()
{
    QTest::addColumn<int>("failure");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *name, UpstreamFailure failure, int status,
                        const char *expected) {
        QTest::newRow(name) << int(failure) << status << QByteArray(expected);
    };
    row("name unknown", UpstreamFailure::Resolve, 0, "transient/unreachable");
    row("refused", UpstreamFailure::Connect, 0, "transient/unreachable");
    row("TLS", UpstreamFailure::Tls, 0, "transient/unreachable");
    row("connect time-out", UpstreamFailure::ConnectTimeout, 0, "transient/timeout");
    row("no first byte", UpstreamFailure::FirstByteTimeout, 0, "transient/timeout");
    row("stall", UpstreamFailure::IdleTimeout, 200, "transient/timeout");
    row("total", UpstreamFailure::TotalTimeout, 200, "transient/timeout");
    row("reset before the head", UpstreamFailure::ResetBeforeHead, 0, "transient/reset");
    row("cut", UpstreamFailure::ResetMidBody, 200, "transient/cut");
    row("not HTTP", UpstreamFailure::Protocol, 0, "transient/malformed");
    row("cancelled", UpstreamFailure::Cancelled, 0, "cancelled/none");
    row("cancelled after a 500", UpstreamFailure::Cancelled, 500, "cancelled/none");
    // The head tells more than the cut.
    row("429, body cut", UpstreamFailure::ResetMidBody, 429, "rate_limited/rate_limit");
    row("400, body cut", UpstreamFailure::ResetMidBody, 400, "client_fault/request");
    row("401, body stalled", UpstreamFailure::IdleTimeout, 401, "credentials_dead/key");
}

void TestDisposition::failures()
{
    QFETCH(const int, failure);
    QFETCH(const int, status);
    const Verdict verdict = classify({.failure = UpstreamFailure(failure), .status = status});
    QTEST(shown(verdict), "expected");
    QCOMPARE(verdict.status, UpstreamFailure(failure) == UpstreamFailure::Cancelled ? 0 : status);
}

void TestDisposition::answers_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *name, int status, const QByteArray &body,
                        const char *expected) {
        QTest::newRow(name) << status << body << QByteArray(expected);
    };
    row("200", 200, {}, "success/none");
    row("201", 201, {}, "success/none");
    row("redirect", 302, {}, "transient/malformed");
    row("no status", 0, {}, "transient/malformed");

    row("500", 500, {}, "transient/server_error");
    row("500 of OpenAI", 500,
        openAi("The server had an error while processing your request.", "server_error"),
        "transient/server_error");
    row("502 page", 502, "<html><h1>502 Bad Gateway</h1></html>", "transient/server_error");
    row("503", 503, {}, "transient/overloaded");
    row("503 of llama.cpp", 503,
        R"({"error":{"message":"Loading model","type":"unavailable_error","code":503}})",
        "transient/overloaded");
    row("504", 504, {}, "transient/timeout");
    row("520", 520, {}, "transient/server_error");
    row("524", 524, {}, "transient/timeout");
    row("529 of Anthropic", 529, anthropic("overloaded_error", "Overloaded"),
        "transient/overloaded");
    row("408", 408, {}, "transient/timeout");
    row("407 of our proxy", 407, {}, "transient/unreachable");
    row("501 of llama.cpp", 501,
        R"({"error":{"code":501,"message":"This server does not support embeddings.",)"
        R"("type":"not_supported_error"}})",
        "client_fault/request");

    row("429", 429, {}, "rate_limited/rate_limit");
    row("429 of OpenAI", 429,
        openAi("Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): "
               "Limit 30000, Used 29000, Requested 2000. Please try again in 2s.",
               "tokens", "rate_limit_exceeded"),
        "rate_limited/rate_limit");
    row("429 of Anthropic", 429,
        anthropic("rate_limit_error", "This request would exceed your rate limit"),
        "rate_limited/rate_limit");
    // The same words as OpenAI's insufficient_quota, but it is the minute's.
    row("429 of Gemini", 429,
        R"({"error":{"code":429,"message":"You exceeded your current quota, please check your plan )"
        R"(and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":)"
        R"("type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}})",
        "rate_limited/rate_limit");
    row("insufficient_quota", 429,
        openAi("You exceeded your current quota, please check your plan and billing details.",
               "insufficient_quota", "insufficient_quota"),
        "credentials_dead/billing");
    row("billing_not_active", 429,
        openAi("Your account is not active, please check your billing details on our website.",
               "billing_not_active", "billing_not_active"),
        "credentials_dead/billing");
    row("Moonshot's quota", 429,
        openAi("Your account is suspended, please check your plan and billing details",
               "exceeded_current_quota_error"),
        "credentials_dead/billing");
    row("more than a minute's tokens", 429,
        openAi("Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit "
               "30000, Requested 40000. The input or output tokens must be reduced in order to run "
               "successfully.",
               "tokens", "rate_limit_exceeded"),
        "context_too_long/context");
    row("413 of Groq", 413,
        openAi(
            "Request too large for model `llama-3.3-70b` on tokens per minute (TPM): Limit 6000, "
            "Requested 12000, please reduce your message size and try again.",
            "tokens", "rate_limit_exceeded"),
        "context_too_long/context");

    row("401", 401, {}, "credentials_dead/key");
    row("401 of OpenAI", 401,
        openAi("Incorrect API key provided: sk-abc***.", "invalid_request_error",
               "invalid_api_key"),
        "credentials_dead/key");
    row("401 of Anthropic", 401, anthropic("authentication_error", "invalid x-api-key"),
        "credentials_dead/key");
    row("401 of vLLM", 401, R"({"error":"Unauthorized"})", "credentials_dead/key");
    row("401 of a restricted key", 401,
        openAi("You have insufficient permissions for this operation. Missing scopes: "
               "api.model.images.request.",
               "invalid_request_error", "missing_scope"),
        "client_fault/request");
    row("403", 403, {}, "credentials_dead/key");
    row("403 of Anthropic", 403,
        anthropic("permission_error",
                  "Your API key does not have permission to use the specified resource."),
        "credentials_dead/key");
    row("403 of Gemini, key reported as leaked", 403,
        R"({"error":{"code":403,"message":"Your API key was reported as leaked.",)"
        R"("status":"PERMISSION_DENIED"}})",
        "credentials_dead/key");
    row("403, model", 403,
        openAi("Project `proj_x` does not have access to model `gpt-5`", "invalid_request_error",
               "model_not_found"),
        "client_fault/request");
    row("403, moderation of OpenRouter", 403,
        R"({"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["x"]}}})",
        "client_fault/request");
    row("403, page of a firewall", 403, "<!DOCTYPE html><html><title>Attention Required!</title>",
        "client_fault/request");
    row("402", 402, {}, "credentials_dead/billing");
    row("402 of DeepSeek", 402, openAi("Insufficient Balance", "unknown_error"),
        "credentials_dead/billing");
    row("402 of OpenRouter, this request only", 402,
        R"({"error":{"message":"This request requires more credits, or fewer max_tokens. You )"
        R"(requested up to 65535 tokens, but can only afford 4000.","code":402}})",
        "context_too_long/billing");
    row("credit of Anthropic", 400,
        anthropic("invalid_request_error",
                  "Your credit balance is too low to access the Anthropic API."),
        "credentials_dead/billing");
    row("hard limit of OpenAI", 400,
        openAi("Billing hard limit has been reached", "invalid_request_error",
               "billing_hard_limit_reached"),
        "credentials_dead/billing");
    row("key of Gemini", 400,
        R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.",)"
        R"("status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.)"
        R"(ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}})",
        "credentials_dead/key");
    row("key of Gemini, in an array", 400,
        R"([{"error":{"code":400,"message":"API key expired. Please renew the API key.",)"
        R"("status":"INVALID_ARGUMENT"}}])",
        "credentials_dead/key");

    const auto context = [&row](const char *name, int status, const QByteArray &body) {
        row(name, status, body, "context_too_long/context");
    };
    context("OpenAI", 400,
            openAi("This model's maximum context length is 128000 tokens. However, your messages "
                   "resulted in 130000 tokens. Please reduce the length of the messages.",
                   "invalid_request_error", "context_length_exceeded"));
    context("OpenAI Responses", 400,
            openAi("Your input exceeds the context window of this model.", "invalid_request_error",
                   "context_length_exceeded"));
    context("code only", 400, openAi("No.", "invalid_request_error", "context_length_exceeded"));
    context(
        "Anthropic", 400,
        anthropic("invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"));
    context("Anthropic with max_tokens", 400,
            anthropic("invalid_request_error", "input length and `max_tokens` exceed context "
                                               "limit: 199000 + 8192 > 200000"));
    context("Gemini", 400,
            R"({"error":{"code":400,"message":"The input token count (1196265) exceeds the )"
            R"(maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}})");
    context(
        "vLLM", 400,
        R"({"object":"error","message":"This model's maximum context length is 4096 tokens. )"
        R"(However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400})");
    context("vLLM, prompt alone", 400,
            R"({"object":"error","message":"The decoder prompt (length 9000) is longer than the )"
            R"(maximum model length of 8192.","type":"BadRequestError","code":400})");
    context("SGLang", 400,
            R"({"object":"error","message":"The input (9000 tokens) is longer than the model's )"
            R"(context length (8192 tokens).","type":"BadRequestError","code":400})");
    context(
        "llama.cpp", 400,
        R"({"error":{"code":400,"message":"the request exceeds the available context size, )"
        R"(try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}})");
    context(
        "llama.cpp, old", 500,
        R"({"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}})");
    context(
        "TGI", 422,
        R"({"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= )"
        R"(4096. Given: 4000 `inputs` tokens and 200 `max_new_tokens`","error_type":"validation"})");
    context("TGI, inputs", 422,
            R"({"error":"Input validation error: `inputs` must have less than 1024 tokens. Given: )"
            R"(2000","error_type":"validation"})");
    context("Ollama", 400, R"({"error":"the input length exceeds the context length"})");
    context(
        "LM Studio", 400,
        R"({"error":"Trying to keep the first 5000 tokens when context the overflows. However, )"
        R"(the model is loaded with context length of only 4096 tokens"})");
    context("Mistral", 400,
            R"({"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too )"
            R"(large for model with 32768 maximum context length","type":"invalid_request_error",)"
            R"("param":null,"code":"3051"})");
    context(
        "xAI", 400,
        R"({"code":"Client specified an invalid argument","error":"This model's maximum prompt )"
        R"(length is 131072 but the request contains 537812 tokens."})");
    context("Groq", 400,
            openAi("Please reduce the length of the messages or completion.",
                   "invalid_request_error", "context_length_exceeded"));
    context("behind OpenRouter", 400,
            R"({"error":{"message":"Provider returned error","code":400,"metadata":{"raw":)"
            R"("{\"error\":{\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}}"}}})");
    context("FastAPI", 400, R"({"detail":"prompt is too long"})");
    context("plain text", 413, "The prompt is too long for this model");

    for (const int status : {400, 404, 405, 406, 409, 410, 413, 415, 418, 422, 451, 499}) {
        QTest::addRow("%d", status) << status << QByteArray() << QByteArray("client_fault/request");
    }
    row("400 of OpenAI", 400, openAi("Invalid value for 'temperature'.", "invalid_request_error"),
        "client_fault/request");
    row("404 of Ollama", 404,
        R"({"error":{"message":"model 'x' not found, try pulling it first"}})",
        "client_fault/request");
    row("413 of Anthropic", 413, anthropic("request_too_large", "Request exceeds the maximum size"),
        "client_fault/request");
}

void TestDisposition::answers()
{
    QFETCH(const int, status);
    QFETCH(const QByteArray, body);
    const Verdict verdict = ofAnswer(status, body);
    QTEST(shown(verdict), "expected");
    QCOMPARE(verdict.status, status);
}

void TestDisposition::errorsInside_data()
{
    QTest::addColumn<QByteArray>("payload");
    QTest::addColumn<QByteArray>("expected");
    QTest::addColumn<int>("status");
    const auto row = [](const char *name, const QByteArray &payload, const char *expected,
                        int status) {
        QTest::newRow(name) << payload << QByteArray(expected) << status;
    };
    row("nothing known", openAi("boom", "server_error"), "transient/error_inside", 500);
    row("no JSON", "oops", "transient/error_inside", 500);
    row("empty", {}, "transient/error_inside", 500);
    row("overloaded", anthropic("overloaded_error", "Overloaded"), "transient/overloaded", 529);
    row("api_error", anthropic("api_error", "Internal server error"), "transient/error_inside",
        500);
    row("rate limit", anthropic("rate_limit_error", "slow down"), "rate_limited/rate_limit", 429);
    row("OpenRouter's number", R"({"error":{"code":429,"message":"Provider returned error"}})",
        "rate_limited/rate_limit", 429);
    row("number as text", R"({"error":{"code":"502","message":"x"}})", "transient/server_error",
        502);
    row("Google", R"({"error":{"message":"x","status":"UNAVAILABLE"}})", "transient/overloaded",
        503);
    row("key", anthropic("authentication_error", "invalid x-api-key"), "credentials_dead/key", 401);
    row("quota", openAi("x", "insufficient_quota", "insufficient_quota"),
        "credentials_dead/billing", 402);
    row("context", openAi("x", "invalid_request_error", "context_length_exceeded"),
        "context_too_long/context", 400);
    row("context by its words", R"({"error":"prompt is too long"})", "context_too_long/context",
        400);
    row("vLLM", R"({"object":"error","message":"bad","type":"BadRequestError","code":400})",
        "client_fault/request", 400);
    row("Responses",
        R"({"type":"response.failed","response":{"status":"failed","error":{"code":)"
        R"("rate_limit_exceeded","message":"x"}}})",
        "rate_limited/rate_limit", 429);
}

void TestDisposition::errorsInside()
{
    QFETCH(const QByteArray, payload);
    const Verdict verdict = ofErrorInside(payload);
    QTEST(shown(verdict), "expected");
    QTEST(verdict.status, "status");
}

void TestDisposition::brokenBodies()
{
    const Verdict malformed = classify({.status = 200, .body = AttemptEnd::Body::Malformed});
    QCOMPARE(shown(malformed), QByteArray("transient/malformed"));
    const Verdict cut = classify({.status = 200, .body = AttemptEnd::Body::Cut});
    QCOMPARE(shown(cut), QByteArray("transient/cut"));
}

void TestDisposition::rules()
{
    for (size_t i = 0; i < kDispositions; ++i) {
        const DispositionRule &rule = ruleFor(Disposition(i));
        QCOMPARE(rule.disposition, Disposition(i));
        QVERIFY(!(rule.countsForLane && rule.countsAgainstLane));
        // A retry that nothing bounds would be a loop: only what is counted or took a key out.
        QVERIFY(!rule.retrySameLane || rule.countsAgainstLane);
        QVERIFY(!rule.retryOtherKey || rule.takesKeyOut);
    }
    const DispositionRule &client = ruleFor(Disposition::ClientFault);
    QVERIFY(!client.countsAgainstLane && !client.retrySameLane && !client.retryOtherKey &&
            !client.nextLane);
    const DispositionRule &left = ruleFor(Disposition::Cancelled);
    QVERIFY(!left.countsAgainstLane && !left.countsForLane && !left.nextLane);
    QVERIFY(!ruleFor(Disposition::ContextTooLong).countsAgainstLane);
    QVERIFY(ruleFor(Disposition::ContextTooLong).nextLane);
    QVERIFY(ruleFor(Disposition::CredentialsDead).retryOtherKey);
    QVERIFY(!ruleFor(Disposition::CredentialsDead).countsAgainstLane);
}

void TestDisposition::namesAreDistinct()
{
    std::set<std::string_view> names;
    for (size_t i = 0; i < kDispositions; ++i) {
        names.insert(dispositionName(Disposition(i)));
    }
    QCOMPARE(names.size(), kDispositions);
    QVERIFY(!names.contains({}));
    std::set<std::string_view> faults;
    for (int i = 0; i <= int(Fault::Request); ++i) {
        faults.insert(faultName(Fault(i)));
    }
    QCOMPARE(faults.size(), size_t(Fault::Request) + 1);
    QVERIFY(!faults.contains({}));
}

void TestDisposition::clientCannotDamage_data()
{
    QTest::addColumn<QByteArray>("body");
    for (const char *words : {"Your credit balance is too low", "API key not valid",
                              "API_KEY_INVALID", "insufficient_quota", "authentication_error",
                              "Overloaded", "overloaded_error", "rate_limit_error"}) {
        QTest::newRow(words) << openAi("Invalid value: '" + QByteArray(words) +
                                           "'. Supported values are: 'system' and 'user'.",
                                       "invalid_request_error", "invalid_value");
    }
}

// A 400 that quotes the request must not take a key or a lane from everybody.
void TestDisposition::clientCannotDamage()
{
    QFETCH(const QByteArray, body);
    for (const int status : {400, 404, 422}) {
        QCOMPARE(shown(ofAnswer(status, body)), QByteArray("client_fault/request"));
    }
}

void TestDisposition::anyBytes()
{
    // Every prefix of a body, bodies that are huge or deep, and bytes that are no text.
    const QByteArray body =
        R"({"error":{"code":429,"message":"x \u00e9","details":[{"a":[1,{"b":2}]}]}})";
    for (qsizetype length = 0; length <= body.size(); ++length) {
        QCOMPARE(ofAnswer(429, body.left(length)).disposition, Disposition::RateLimited);
        QCOMPARE(ofAnswer(400, body.left(length)).disposition, Disposition::ClientFault);
    }
    QCOMPARE(ofAnswer(500, QByteArray(10'000'000, '[')).disposition, Disposition::Transient);
    QCOMPARE(ofAnswer(400, "{\"error\":" + QByteArray(100'000, '{')).disposition,
             Disposition::ClientFault);
    QCOMPARE(ofAnswer(400, QByteArray(1000, '\xff')).disposition, Disposition::ClientFault);
    QCOMPARE(ofAnswer(400, QByteArray(1000, '\0')).disposition, Disposition::ClientFault);
    // What is beyond the bound does not count, also where it cuts the JSON.
    const QByteArray late = R"({"error":{"filler":")" + QByteArray(70'000, 'x') +
                            R"(","message":"prompt is too long"}})";
    QCOMPARE(ofAnswer(400, late).disposition, Disposition::ClientFault);
}

void TestDisposition::clientFault()
{
    const QByteArray body = openAi("Invalid value for 'temperature'.", "invalid_request_error");
    QBENCHMARK
    {
        const Verdict verdict = ofAnswer(400, body);
        Q_UNUSED(verdict)
    }
}

QTEST_APPLESS_MAIN(TestDisposition)
#include "tst_disposition.moc"
