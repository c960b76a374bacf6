// SPDX-License-Identifier: GPL-3.0-or-later
// Closed-loop load: each connection sends its next request when the answer to the last one is
// there. With --rate paced load: requests begin at even distances, whatever became of the ones
// before.
#include "tests/bench/answerreader.h"
#include "tests/bench/benchsocket.h"
#include "tests/bench/benchurl.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

using namespace tidegate::bench;

namespace {

constexpr const char *kUsage =
    R"(Usage: bench_latency --url http://127.0.0.1:PORT/v1/chat/completions [options]

Sends non-stream chat requests over keep-alive connections, each in a closed loop or all together
at a rate, and prints one line of JSON: requests, errors, rps, mean_us, p50_us, p90_us, p99_us,
max_us, duration_s, connections, idle.

  --url URL          where to; http and a numeric address (required)
  --key KEY          sent as Authorization: Bearer KEY (none)
  --header FIELD     one more "Name: value" of each request (none)
  --model NAME       (bench)
  --connections N    (1)
  --rate R           requests a second; time counts from when a request was due, so that waiting for
                     a free connection is part of it (0: no pace)
  --seconds S        measured time (5)
  --warmup S         time before it, which is not measured (0.5)
  --body-bytes N     size of the request's body (1024)
  --idle N           further connections, opened before and left without a request (0)

Exit status 1 when nothing could be measured or any request failed.
)";

struct Connection
{
    int fd = -1;
    AnswerReader reader;
    std::string body;
    int64_t sentNs = 0; ///< or due
};

/// When the next request is due.
class Pace
{
public:
    /// @p rate in requests a second; 0: none is ever due.
    explicit Pace(double rate)
        : m_intervalNs(rate > 0 ? int64_t(1e9 / rate) : 0)
        , m_dueNs(nowNs())
        , m_timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))
    {
    }
    ~Pace() { close(m_timer); }
    Pace(const Pace &) = delete;
    Pace &operator=(const Pace &) = delete;

    [[nodiscard]] bool isSet() const { return m_intervalNs > 0; }
    [[nodiscard]] int timer() const { return m_timer; }
    [[nodiscard]] bool isDue() const { return isSet() && m_dueNs <= nowNs(); }
    /// When the request that is due now was due; goes on to the next.
    int64_t take()
    {
        const int64_t dueNs = m_dueNs;
        m_dueNs += m_intervalNs;
        return dueNs;
    }
    /// Makes timer() readable when the next one is due; not @p wanted: never.
    void arm(bool wanted) const
    {
        itimerspec when = {};
        if (wanted) {
            when.it_value.tv_sec = m_dueNs / 1'000'000'000;
            when.it_value.tv_nsec = m_dueNs % 1'000'000'000;
        }
        timerfd_settime(m_timer, TFD_TIMER_ABSTIME, &when, nullptr);
    }

private:
    int64_t m_intervalNs;
    int64_t m_dueNs;
    int m_timer;
};

} // namespace

int main(int argc, char **argv)
{
    const Options options(argc, argv, kUsage,
                          {{"url", ""},
                           {"key", ""},
                           {"header", ""},
                           {"model", "bench"},
                           {"connections", "1"},
                           {"rate", "0"},
                           {"seconds", "5"},
                           {"warmup", "0.5"},
                           {"body-bytes", "1024"},
                           {"idle", "0"}});
    raiseDescriptorLimit();
    const BenchUrl url = parseUrl(options.text("url"));
    const std::string request =
        chatRequest(url, options.text("key"), options.text("header"), options.text("model"),
                    size_t(options.number("body-bytes")), {});
    long idle = 0;
    std::vector<int> idleSockets;
    for (; idle < options.number("idle"); ++idle) {
        const int fd = connectTo(url);
        if (fd < 0) {
            std::fprintf(stderr, "only %ld idle connections could be opened\n", idle);
            return 1;
        }
        idleSockets.push_back(fd);
    }

    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Connection> connections(size_t(options.number("connections")));
    long errors = 0;
    Pace pace(options.real("rate"));
    std::vector<size_t> idleConnections;
    const auto begin = [&](Connection &connection, int64_t dueNs) {
        connection.reader.restart();
        connection.body.clear();
        connection.sentNs = dueNs;
        // Small enough for any socket buffer that is empty.
        return send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) ==
               ssize_t(request.size());
    };
    const auto open = [&](size_t index) {
        Connection &connection = connections[index];
        if (connection.fd >= 0) {
            close(connection.fd);
        }
        connection.fd = connectTo(url);
        if (connection.fd < 0) {
            return false;
        }
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.u64 = index;
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection.fd, &event);
        if (pace.isSet()) {
            idleConnections.push_back(index);
            return true;
        }
        return begin(connection, nowNs());
    };
    for (size_t i = 0; i < connections.size(); ++i) {
        if (!open(i)) {
            std::fprintf(stderr, "cannot connect to %s:%d\n", url.host.c_str(), url.port);
            return 1;
        }
    }

    // Of no connection.
    const size_t timerIndex = connections.size();
    if (pace.isSet()) {
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.u64 = timerIndex;
        epoll_ctl(epoll, EPOLL_CTL_ADD, pace.timer(), &event);
        pace.arm(true);
    }

    Samples samples;
    const int64_t startNs = nowNs() + int64_t(options.real("warmup") * 1e9);
    const int64_t endNs = startNs + int64_t(options.real("seconds") * 1e9);
    int64_t now = nowNs();
    while (now < endNs) {
        epoll_event events[256];
        const int count = epoll_wait(epoll, events, 256, int((endNs - now) / 1'000'000) + 1);
        now = nowNs();
        for (int i = 0; i < count; ++i) {
            const size_t index = events[i].data.u64;
            if (index == timerIndex) {
                continue;
            }
            Connection &connection = connections[index];
            char buffer[65536];
            const ssize_t size = recv(connection.fd, buffer, sizeof buffer, 0);
            if (size < 0 && errno == EAGAIN) {
                continue;
            }
            const AnswerReader::State state =
                size > 0 ? connection.reader.add({buffer, size_t(size)}, connection.body)
                         : connection.reader.finish();
            const bool done = state == AnswerReader::State::Done;
            if (!done && state != AnswerReader::State::Broken) {
                continue;
            }
            now = nowNs();
            const bool good = done && connection.reader.status() == 200;
            if (connection.sentNs >= startNs) {
                good ? samples.add(now - connection.sentNs) : void(++errors);
            }
            const bool reusable = size > 0 && good;
            if (reusable && pace.isSet()) {
                idleConnections.push_back(index);
            } else if ((!reusable || !begin(connection, nowNs())) && !open(index)) {
                std::fprintf(stderr, "cannot connect again\n");
                return 1;
            }
        }
        while (pace.isDue() && !idleConnections.empty()) {
            const size_t index = idleConnections.back();
            idleConnections.pop_back();
            if (!begin(connections[index], pace.take())) {
                std::fprintf(stderr, "a connection was closed while it was idle\n");
                return 1;
            }
        }
        if (pace.isSet()) {
            pace.arm(!idleConnections.empty());
        }
    }
    const double seconds = double(now - startNs) / 1e9;
    samples.sort();
    std::printf("{\"requests\":%zu,\"errors\":%ld,\"rps\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,"
                "\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"duration_s\":%.3f,"
                "\"connections\":%zu,\"idle\":%ld}\n",
                samples.count(), errors, double(samples.count()) / seconds, samples.meanUs(),
                samples.quantileUs(0.5), samples.quantileUs(0.9), samples.quantileUs(0.99),
                samples.quantileUs(1), seconds, connections.size(), idle);
    return errors == 0 && samples.count() > 0 ? 0 : 1;
}
