// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/disposition.h"

#include "gateway/resilience/errorbody.h"

#include <algorithm>

namespace tidegate {

namespace {

constexpr std::array<DispositionRule, kDispositions> kRules{{
    // disposition                   against  for    key    same   other  next
    {Disposition::Success, false, true, false, false, false, false},
    {Disposition::Transient, true, false, false, true, false, true},
    {Disposition::RateLimited, true, false, true, true, true, true},
    {Disposition::CredentialsDead, false, false, true, false, true, true},
    {Disposition::ContextTooLong, false, false, false, false, false, true},
    {Disposition::ClientFault, false, false, false, false, false, false},
    {Disposition::Cancelled, false, false, false, false, false, false},
}};

// Both must stand in a message, the second one may be empty.
struct Phrase
{
    std::string_view text;
    std::string_view also;
};

// How backends say that a prompt does not fit, lower-cased.
constexpr Phrase kContextPhrases[] = {
    {"context_length_exceeded", ""},                // OpenAI and those who copy it
    {"maximum context length", ""},                 // OpenAI, vLLM, Mistral, OpenRouter
    {"context window", "exceed"},                   // OpenAI Responses
    {"prompt is too long", ""},                     // Anthropic
    {"exceed context limit", ""},                   // Anthropic, with max_tokens
    {"input token count", "exceeds the maximum"},   // Gemini
    {"available context size", "exceed"},           // llama.cpp
    {"context size has been exceeded", ""},         // llama.cpp, LM Studio
    {"`inputs` tokens + `max_new_tokens`", "must"}, // TGI
    {"`inputs` must have less than", "tokens"},     // TGI
    {"longer than the maximum model length", ""},   // vLLM
    {"longer than the model's context length", ""}, // SGLang
    {"exceeds the context length", ""},             // Ollama
    {"max context length", "exceed"},               // Ollama
    {"context length of only", ""},                 // LM Studio
    {"greater than the context length", ""},        // LM Studio
    {"maximum prompt length", ""},                  // xAI
    {"reduce the length of the messages", ""},      // Groq
    {"input is too long", ""},                      // Bedrock
    {"exceeded model token limit", ""},             // Moonshot
    {"too many tokens", "prompt"},                  // Cohere
};

// More than a whole minute's limit: waiting does not help, a lane with larger limits may.
constexpr Phrase kTooLargePhrases[] = {
    {"request too large", "tokens per min"}, // OpenAI, Groq
    {"tokens must be reduced", ""},          // OpenAI
};

// Names of errors and the HTTP status that they stand for where none is given.
struct NamedStatus
{
    std::string_view name;
    int status;
};
constexpr NamedStatus kNamedStatuses[] = {
    {"rate_limit_error", 429},
    {"rate_limit_exceeded", 429},
    {"too_many_requests", 429},
    {"resource_exhausted", 429},
    {"overloaded_error", 529},
    {"overloaded", 529},
    {"unavailable", 503},
    {"unavailable_error", 503},
    {"service_unavailable", 503},
    {"authentication_error", 401},
    {"invalid_api_key", 401},
    {"unauthenticated", 401},
    {"permission_error", 403},
    {"permission_denied", 403},
    {"invalid_request_error", 400},
    {"badrequesterror", 400},
    {"invalid_argument", 400},
    {"failed_precondition", 400},
    {"exceed_context_size_error", 400},
    {"not_found_error", 404},
    {"model_not_found", 404},
    {"not_found", 404},
    {"request_too_large", 413},
    {"timeout_error", 504},
    {"deadline_exceeded", 504},
};

constexpr std::string_view kBillingNames[] = {
    "insufficient_quota",   "billing_hard_limit_reached",   "billing_not_active",  "billing_error",
    "insufficient_balance", "exceeded_current_quota_error", "insufficient_credits"};

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

template <size_t N>
bool saysAny(const std::string &message, const Phrase (&phrases)[N])
{
    return std::any_of(std::begin(phrases), std::end(phrases), [&message](const Phrase &phrase) {
        return contains(message, phrase.text) && contains(message, phrase.also);
    });
}

bool isContext(const ErrorBody &error)
{
    return error.is("context_length_exceeded") || error.is("exceed_context_size_error") ||
           saysAny(error.message, kContextPhrases);
}

bool isBilling(const ErrorBody &error)
{
    // A text only where it begins the message: elsewhere it may be quoted from the request, and a
    // client must not be able to put a key out of use.
    return std::any_of(std::begin(kBillingNames), std::end(kBillingNames),
                       [&error](std::string_view name) { return error.is(name); }) ||
           error.message.starts_with("your credit balance is too low");
}

bool isKeyText(const ErrorBody &error)
{
    return error.reason == "api_key_invalid" || error.message.starts_with("api key not valid") ||
           error.message.starts_with("api key expired");
}

// True when a 401 or 403 is about what was asked for and not about the key as such: another
// request with the same key may well pass.
bool isAboutRequest(int status, const ErrorBody &error)
{
    const bool aboutOperation = error.is("missing_scope") ||
                                contains(error.message, "missing scopes") ||
                                contains(error.message, "insufficient permissions");
    if (status == 401 || aboutOperation) {
        return aboutOperation;
    }
    // A firewall's page may be an answer to words in the prompt.
    const bool page = !error.isJson && contains(error.message, "<html");
    return page || error.is("model_not_found") || error.is("content_filter") ||
           error.is("content_policy_violation") || contains(error.message, "flagged") ||
           contains(error.message, "moderation") || contains(error.message, "access to model") ||
           contains(error.message, "access to the model") || contains(error.message, "tuned model");
}

Verdict byStatus(int status, const ErrorBody &error)
{
    const auto verdict = [status](Disposition disposition, Fault fault) {
        return Verdict{disposition, fault, status};
    };
    // Some servers answer 500 to a long prompt. It says nothing about their health, and must not
    // open a breaker, or one client could take a lane from all others.
    if ((status < 500 && status != 429 && isContext(error)) ||
        (status == 500 && isContext(error)) ||
        ((status == 429 || status == 413) && saysAny(error.message, kTooLargePhrases))) {
        return verdict(Disposition::ContextTooLong, Fault::Context);
    }
    if (error.is("overloaded_error")) {
        return verdict(Disposition::Transient, Fault::Overloaded);
    }
    if (status < 500 && isBilling(error)) {
        return verdict(Disposition::CredentialsDead, Fault::Billing);
    }
    switch (status) {
    case 400:
        return isKeyText(error) ? verdict(Disposition::CredentialsDead, Fault::Key)
                                : verdict(Disposition::ClientFault, Fault::Request);
    case 401:
    case 403:
        return isAboutRequest(status, error) ? verdict(Disposition::ClientFault, Fault::Request)
                                             : verdict(Disposition::CredentialsDead, Fault::Key);
    case 402:
        // OpenRouter: enough credit, but not for this max_tokens.
        return contains(error.message, "fewer max_tokens")
                   ? verdict(Disposition::ContextTooLong, Fault::Billing)
                   : verdict(Disposition::CredentialsDead, Fault::Billing);
    case 407: // the proxy on our side wants something
        return verdict(Disposition::Transient, Fault::Unreachable);
    case 408:
    case 504:
    case 524: // Cloudflare's
        return verdict(Disposition::Transient, Fault::Timeout);
    case 429:
        return verdict(Disposition::RateLimited, Fault::RateLimit);
    case 501: // llama.cpp: well, but not started for this endpoint
        return verdict(Disposition::ClientFault, Fault::Request);
    case 503:
    case 529: // Anthropic's
        return verdict(Disposition::Transient, Fault::Overloaded);
    default:
        return status < 500 ? verdict(Disposition::ClientFault, Fault::Request)
                            : verdict(Disposition::Transient, Fault::ServerError);
    }
}

// The status that an error inside of a 200 stands for, or 0.
int impliedStatus(const ErrorBody &error)
{
    if (error.number != 0) {
        return error.number;
    }
    const auto *const end = std::end(kNamedStatuses);
    const auto *const found =
        std::find_if(std::begin(kNamedStatuses), end, [&error](const NamedStatus &named) {
            return error.is(named.name) || error.status == named.name;
        });
    return found != end ? found->status : 0;
}

Verdict byErrorInside(std::string_view payload)
{
    const ErrorBody error = readErrorBody(payload);
    const int status = impliedStatus(error);
    if (status != 0) {
        return byStatus(status, error);
    }
    if (isContext(error)) {
        return {Disposition::ContextTooLong, Fault::Context, 400};
    }
    if (isBilling(error)) {
        return {Disposition::CredentialsDead, Fault::Billing, 402};
    }
    return {Disposition::Transient, Fault::ErrorInside, 500};
}

Verdict byFailure(UpstreamFailure failure)
{
    switch (failure) {
    case UpstreamFailure::Cancelled:
        return {Disposition::Cancelled, Fault::None, 0};
    case UpstreamFailure::ConnectTimeout:
    case UpstreamFailure::FirstByteTimeout:
    case UpstreamFailure::IdleTimeout:
    case UpstreamFailure::TotalTimeout:
        return {Disposition::Transient, Fault::Timeout, 0};
    case UpstreamFailure::ResetBeforeHead:
        return {Disposition::Transient, Fault::Reset, 0};
    case UpstreamFailure::ResetMidBody:
        return {Disposition::Transient, Fault::Cut, 0};
    case UpstreamFailure::Protocol:
        return {Disposition::Transient, Fault::Malformed, 0};
    case UpstreamFailure::None:
    case UpstreamFailure::Resolve:
    case UpstreamFailure::Connect:
    case UpstreamFailure::Tls:
        break;
    }
    return {Disposition::Transient, Fault::Unreachable, 0};
}

} // namespace

Verdict classify(const AttemptEnd &end)
{
    if (end.failure == UpstreamFailure::Cancelled) {
        return byFailure(end.failure);
    }
    // An error whose body did not come through is still that error.
    if (end.status >= 400) {
        return byStatus(end.status, readErrorBody(end.error));
    }
    if (end.failure != UpstreamFailure::None) {
        Verdict verdict = byFailure(end.failure);
        verdict.status = end.status;
        return verdict;
    }
    // Redirects are never followed, so one is not an answer.
    if (end.status < 200 || end.status >= 300 || end.body == AttemptEnd::Body::Malformed) {
        return {Disposition::Transient, Fault::Malformed, end.status};
    }
    switch (end.body) {
    case AttemptEnd::Body::Error:
        return byErrorInside(end.error);
    case AttemptEnd::Body::Cut:
        return {Disposition::Transient, Fault::Cut, end.status};
    case AttemptEnd::Body::Good:
    case AttemptEnd::Body::Malformed:
        break;
    }
    return {Disposition::Success, Fault::None, end.status};
}

const DispositionRule &ruleFor(Disposition disposition)
{
    return kRules[size_t(disposition)];
}

const std::array<DispositionRule, kDispositions> &dispositionRules()
{
    return kRules;
}

std::string_view dispositionName(Disposition disposition)
{
    switch (disposition) {
    case Disposition::Success:
        return "success";
    case Disposition::Transient:
        return "transient";
    case Disposition::RateLimited:
        return "rate_limited";
    case Disposition::CredentialsDead:
        return "credentials_dead";
    case Disposition::ContextTooLong:
        return "context_too_long";
    case Disposition::ClientFault:
        return "client_fault";
    case Disposition::Cancelled:
        return "cancelled";
    }
    return {};
}

std::string_view faultName(Fault fault)
{
    switch (fault) {
    case Fault::None:
        return "none";
    case Fault::Unreachable:
        return "unreachable";
    case Fault::Timeout:
        return "timeout";
    case Fault::Reset:
        return "reset";
    case Fault::Cut:
        return "cut";
    case Fault::Malformed:
        return "malformed";
    case Fault::ServerError:
        return "server_error";
    case Fault::Overloaded:
        return "overloaded";
    case Fault::ErrorInside:
        return "error_inside";
    case Fault::RateLimit:
        return "rate_limit";
    case Fault::Key:
        return "key";
    case Fault::Billing:
        return "billing";
    case Fault::Context:
        return "context";
    case Fault::Request:
        return "request";
    }
    return {};
}

} // namespace tidegate
