// SPDX-License-Identifier: GPL-3.0-or-later
// An OpenAI-shaped backend that costs next to nothing: one thread, epoll, fixed answers.
#include "tests/bench/benchsocket.h"
#include "tests/bench/options.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

using namespace tidegate::bench;

namespace {

constexpr const char *kUsage = R"(Usage: bench_upstream [options]

Answers POST (any path) with a chat completion, GET /v1/models with a list of one model.
Prints {"port":N} when ready and runs until it is ended by SIGINT or SIGTERM.

  --host ADDRESS   where to listen (127.0.0.1)
  --port N         0 picks a free one (0)
  --events N       content events of a stream (200)
  --rate N         events a second of each stream; 0 sends them as fast as they go (200)
  --content N      bytes of text in an answer that is no stream (200: about 600 bytes of JSON)
  --delay-ms N     time before the first byte of any answer to a POST (0)

A request with "stream":true is streamed. "bench_events", "bench_rate" and "bench_delay_ms" in its
JSON, or events=, rate= and delay_ms= in its query, override the command line. Each event's content
is "@T " where T is CLOCK_MONOTONIC in nanoseconds when it was sent. A last chunk with usage and no
choices follows when "include_usage":true is asked for.
)";

constexpr size_t kHighWater = 1 << 20;

volatile std::sig_atomic_t ended = 0;

struct Plan
{
    long events = 200;
    double rate = 200;
    long delayMs = 0;
};

struct Connection
{
    int fd = -1;
    unsigned serial = 0;
    std::string received;
    SendQueue out;
    bool wantsWrite = false;
    bool busy = false; ///< an answer is under way
    bool closeAfter = false;
    // The answer under way.
    bool streams = false;
    bool headSent = false;
    bool withUsage = false;
    Plan plan;
    long sent = 0;
    int64_t dueNs = 0;
};

struct Due
{
    int64_t ns;
    int fd;
    unsigned serial; ///< of the connection meant, as descriptors are used again
    bool operator>(const Due &other) const { return ns > other.ns; }
};

/// The value after a name such as `"stream":`, white space skipped; empty when it is not there.
std::string_view valueOf(std::string_view json, std::string_view quotedName)
{
    size_t at = json.find(quotedName);
    if (at == std::string_view::npos) {
        return {};
    }
    at = json.find_first_not_of(" \t\r\n:", at + quotedName.size());
    return at == std::string_view::npos ? std::string_view() : json.substr(at);
}

template <typename Number>
void readNumber(std::string_view text, Number &number)
{
    Number value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc()) {
        number = value;
    }
}

std::string_view queryValue(std::string_view target, std::string_view name)
{
    const size_t question = target.find('?');
    if (question == std::string_view::npos) {
        return {};
    }
    const size_t at = target.find(name, question);
    return at == std::string_view::npos ? std::string_view() : target.substr(at + name.size());
}

class Server
{
public:
    Server(const Options &options)
    {
        m_plan.events = options.number("events");
        m_plan.rate = options.real("rate");
        m_plan.delayMs = options.number("delay-ms");
        const std::string content(size_t(options.number("content")), 'y');
        const std::string body =
            R"({"id":"chatcmpl-benchbenchbenchbenchbench","object":"chat.completion",)"
            R"("created":1700000000,"model":"bench","choices":[{"index":0,"message":)"
            R"({"role":"assistant","content":")" +
            content +
            R"(","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":)"
            R"({"prompt_tokens":25,"completion_tokens":50,"total_tokens":75,)"
            R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},)"
            R"("completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_b"})";
        m_plainAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body;
        const std::string models =
            R"({"object":"list","data":[{"id":"bench","object":"model","created":1700000000,)"
            R"("owned_by":"bench"}]})";
        m_modelsAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                         std::to_string(models.size()) + "\r\n\r\n" + models;
        listenOn(options.text("host"), int(options.number("port")));
    }

    void run();

private:
    void listenOn(const std::string &host, int port);
    void acceptAll();
    void readFrom(Connection &connection);
    void handleBuffered(Connection &connection);
    void answer(Connection &connection, std::string_view head, std::string_view body);
    void advance(Connection &connection, int64_t now);
    void sendEvent(Connection &connection, int64_t now);
    void endStream(Connection &connection);
    void finishAnswer(Connection &connection);
    void schedule(Connection &connection, int64_t ns);
    void runDue();
    void armTimer();
    void watchWrites(Connection &connection);
    void drop(int fd);
    void chunk(Connection &connection, std::string_view payload);

    int m_epoll = epoll_create1(EPOLL_CLOEXEC);
    int m_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int m_listener = -1;
    Plan m_plan;
    std::string m_plainAnswer;
    std::string m_modelsAnswer;
    std::string m_scratch;
    std::vector<std::unique_ptr<Connection>> m_connections; ///< by descriptor
    std::priority_queue<Due, std::vector<Due>, std::greater<>> m_due;
    int64_t m_armedNs = 0;
    unsigned m_serial = 0;
};

void Server::listenOn(const std::string &host, int port)
{
    m_listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(m_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    socklen_t size = sizeof address;
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
        bind(m_listener, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        listen(m_listener, 4096) != 0) {
        std::perror("bench_upstream: cannot listen");
        std::exit(1);
    }
    getsockname(m_listener, reinterpret_cast<sockaddr *>(&address), &size);
    std::printf("{\"port\":%d}\n", int(ntohs(address.sin_port)));
    std::fflush(stdout);
    for (const int fd : {m_listener, m_timer}) {
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(m_epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

void Server::run()
{
    epoll_event events[256];
    while (!ended) {
        const int count = epoll_wait(m_epoll, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == m_listener) {
                acceptAll();
                continue;
            }
            if (fd == m_timer) {
                uint64_t ticks = 0;
                if (read(m_timer, &ticks, sizeof ticks) > 0) {
                    m_armedNs = 0;
                }
                continue;
            }
            Connection *connection = m_connections[size_t(fd)].get();
            if (connection && (events[i].events & EPOLLOUT) != 0) {
                if (!connection->out.flush(fd)) {
                    drop(fd);
                    continue;
                }
                watchWrites(*connection);
                if (connection->closeAfter && !connection->busy && !connection->wantsWrite) {
                    drop(fd);
                    continue;
                }
            }
            if (connection && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                readFrom(*connection);
            }
        }
        runDue();
        armTimer();
    }
}

void Server::acceptAll()
{
    for (;;) {
        const int fd = accept4(m_listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (size_t(fd) >= m_connections.size()) {
            m_connections.resize(size_t(fd) + 256);
        }
        m_connections[size_t(fd)] = std::make_unique<Connection>();
        m_connections[size_t(fd)]->fd = fd;
        m_connections[size_t(fd)]->serial = ++m_serial;
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(m_epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

void Server::readFrom(Connection &connection)
{
    char buffer[65536];
    const ssize_t count = recv(connection.fd, buffer, sizeof buffer, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        drop(connection.fd);
        return;
    }
    if (count > 0) {
        connection.received.append(buffer, size_t(count));
        handleBuffered(connection);
    }
}

void Server::handleBuffered(Connection &connection)
{
    const int fd = connection.fd;
    const unsigned serial = connection.serial;
    while (!connection.busy) {
        const size_t end = connection.received.find("\r\n\r\n");
        if (end == std::string::npos) {
            return;
        }
        std::string head = connection.received.substr(0, end + 2);
        const std::string target = head.substr(0, head.find("\r\n"));
        std::transform(head.begin(), head.end(), head.begin(),
                       [](unsigned char c) { return char(std::tolower(c)); });
        size_t length = 0;
        if (const size_t at = head.find("\r\ncontent-length:"); at != std::string::npos) {
            length = std::strtoul(head.c_str() + at + 17, nullptr, 10);
        }
        if (connection.received.size() < end + 4 + length) {
            return;
        }
        const std::string body = connection.received.substr(end + 4, length);
        connection.received.erase(0, end + 4 + length);
        connection.closeAfter = head.find("\r\nconnection: close\r\n") != std::string::npos;
        answer(connection, target, body);
        if (!m_connections[size_t(fd)] || m_connections[size_t(fd)]->serial != serial) {
            return;
        }
    }
}

void Server::answer(Connection &connection, std::string_view head, std::string_view body)
{
    connection.busy = true;
    connection.streams = false;
    connection.headSent = false;
    connection.sent = 0;
    if (head.starts_with("GET ")) {
        connection.out.send(connection.fd, m_modelsAnswer);
        finishAnswer(connection);
        return;
    }
    Plan plan = m_plan;
    const std::string_view target = head.substr(0, head.rfind(' '));
    readNumber(queryValue(target, "events="), plan.events);
    readNumber(queryValue(target, "rate="), plan.rate);
    readNumber(queryValue(target, "delay_ms="), plan.delayMs);
    readNumber(valueOf(body, "\"bench_events\""), plan.events);
    readNumber(valueOf(body, "\"bench_rate\""), plan.rate);
    readNumber(valueOf(body, "\"bench_delay_ms\""), plan.delayMs);
    connection.plan = plan;
    connection.streams = valueOf(body, "\"stream\"").starts_with("true");
    connection.withUsage = valueOf(body, "\"include_usage\"").starts_with("true");
    const int64_t now = nowNs();
    connection.dueNs = now + plan.delayMs * 1'000'000;
    if (plan.delayMs > 0) {
        schedule(connection, connection.dueNs);
    } else {
        advance(connection, now);
    }
}

void Server::advance(Connection &connection, int64_t now)
{
    const int fd = connection.fd;
    if (!connection.streams) {
        connection.out.send(fd, m_plainAnswer);
        finishAnswer(connection);
        return;
    }
    if (!connection.headSent) {
        connection.headSent = true;
        connection.out.send(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    while (connection.sent < connection.plan.events && connection.dueNs <= now) {
        if (connection.out.pending() > kHighWater) {
            schedule(connection, now + 5'000'000); // a slow reader
            watchWrites(connection);
            return;
        }
        sendEvent(connection, nowNs());
        if (connection.plan.rate > 0) {
            connection.dueNs += int64_t(1e9 / connection.plan.rate);
        }
    }
    if (connection.sent < connection.plan.events) {
        schedule(connection, connection.dueNs);
        watchWrites(connection);
        return;
    }
    endStream(connection);
}

void Server::chunk(Connection &connection, std::string_view payload)
{
    char size[24];
    const int digits = std::snprintf(size, sizeof size, "%zx\r\n", payload.size());
    m_scratch.assign(size, size_t(digits)).append(payload).append("\r\n");
    connection.out.send(connection.fd, m_scratch);
}

void Server::sendEvent(Connection &connection, int64_t now)
{
    char event[320];
    const int size = std::snprintf(
        event, sizeof event,
        "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
        "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\"@%lld \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        static_cast<long long>(now));
    chunk(connection, {event, size_t(size)});
    ++connection.sent;
}

void Server::endStream(Connection &connection)
{
    chunk(connection,
          "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
          "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},"
          "\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
    if (connection.withUsage) {
        const std::string sent = std::to_string(connection.sent);
        chunk(connection, "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                          "\"created\":1700000000,\"model\":\"bench\",\"choices\":[],\"usage\":"
                          "{\"prompt_tokens\":25,\"completion_tokens\":" +
                              sent + ",\"total_tokens\":" + std::to_string(connection.sent + 25) +
                              "}}\n\n");
    }
    chunk(connection, "data: [DONE]\n\n");
    connection.out.send(connection.fd, "0\r\n\r\n");
    finishAnswer(connection);
}

void Server::finishAnswer(Connection &connection)
{
    connection.busy = false;
    watchWrites(connection);
    if (connection.closeAfter && connection.out.pending() == 0) {
        drop(connection.fd);
    }
}

void Server::schedule(Connection &connection, int64_t ns)
{
    m_due.push({ns, connection.fd, connection.serial});
}

void Server::runDue()
{
    for (;;) {
        const int64_t now = nowNs();
        if (m_due.empty() || m_due.top().ns > now) {
            return;
        }
        const Due due = m_due.top();
        m_due.pop();
        Connection *connection = m_connections[size_t(due.fd)].get();
        if (connection && connection->serial == due.serial && connection->busy) {
            advance(*connection, now);
            // A request that came meanwhile.
            connection = m_connections[size_t(due.fd)].get();
            if (connection && connection->serial == due.serial) {
                handleBuffered(*connection);
            }
        }
    }
}

void Server::armTimer()
{
    if (m_due.empty() || (m_armedNs != 0 && m_armedNs <= m_due.top().ns)) {
        return;
    }
    m_armedNs = m_due.top().ns;
    itimerspec when = {};
    when.it_value.tv_sec = m_armedNs / 1'000'000'000;
    when.it_value.tv_nsec = m_armedNs % 1'000'000'000;
    timerfd_settime(m_timer, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Server::watchWrites(Connection &connection)
{
    const bool wants = connection.out.pending() > 0;
    if (wants != connection.wantsWrite) {
        connection.wantsWrite = wants;
        epoll_event event = {};
        event.events = EPOLLIN | (wants ? uint32_t(EPOLLOUT) : 0U);
        event.data.fd = connection.fd;
        epoll_ctl(m_epoll, EPOLL_CTL_MOD, connection.fd, &event);
    }
}

void Server::drop(int fd)
{
    m_connections[size_t(fd)].reset();
    close(fd);
}

} // namespace

int main(int argc, char **argv)
{
    const Options options(argc, argv, kUsage,
                          {{"host", "127.0.0.1"},
                           {"port", "0"},
                           {"events", "200"},
                           {"rate", "200"},
                           {"content", "200"},
                           {"delay-ms", "0"}});
    raiseDescriptorLimit();
    struct sigaction action = {};
    action.sa_handler = [](int) { ended = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    Server server(options);
    server.run();
    return 0;
}
