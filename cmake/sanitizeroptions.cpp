// SPDX-License-Identifier: GPL-3.0-or-later

// Linked into every program of a sanitizing build, so that it behaves the same however it is
// started. The runtimes call these functions; ASAN_OPTIONS and the like in the environment still
// have the last word. A suppression is for code that is not ours only, and says why.

#if defined(__SANITIZE_THREAD__)

#include <QDeadlineTimer>
#include <QMetaObject>
#include <QRunnable>
#include <QThread>
#include <QThreadPool>

#include <functional>
#include <utility>

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

extern "C" const char *__tsan_default_options();
extern "C" const char *__tsan_default_suppressions();

const char *__tsan_default_options()
{
    // Qt, libcurl and the rest are not instrumented: what they do among themselves cannot be
    // judged. QProcess starts programs in a way after which TSan takes this process for a forked
    // child.
    return "ignore_noninstrumented_modules=1:die_after_fork=0:second_deadlock_stack=1:"
           "history_size=4";
}

const char *__tsan_default_suppressions()
{
    return "";
}

// Qt synchronises by futexes inside of a library that is not instrumented, so TSan does not see
// that a call posted to another thread happens after what its sender did before. The functions
// below stand before Qt's own of the same name and tell it, for just that call. Everything of ours
// that crosses threads goes this way or by std::mutex. Qt 6.5 and later have other signatures;
// there these calls are reported.
#if QT_VERSION < QT_VERSION_CHECK(6, 5, 0)

namespace {

template <typename Function>
Function next(const char *symbol)
{
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol));
}

/// Calls another slot object and tells TSan what happened before it, and what it happened before.
class SeenSlot final : public QtPrivate::QSlotObjectBase
{
public:
    /// @p done is released when the call is over; null when nobody waits for it.
    SeenSlot(QSlotObjectBase *inner, void *done)
        : QSlotObjectBase(&SeenSlot::run)
        , m_inner(inner)
        , m_done(done)
    {
        __tsan_release(this);
    }

private:
    static void run(int which, QSlotObjectBase *self, QObject *receiver, void **arguments,
                    bool * /*equal*/)
    {
        auto *slot = static_cast<SeenSlot *>(self);
        if (which == Call) {
            __tsan_acquire(slot);
            slot->m_inner->call(receiver, arguments);
            // The last reference may go in either thread.
            __tsan_release(slot);
            if (slot->m_done) {
                __tsan_release(slot->m_done);
            }
        } else if (which == Destroy) {
            __tsan_acquire(slot);
            slot->m_inner->destroyIfLastRef();
            delete slot;
        }
    }

    QSlotObjectBase *m_inner;
    void *m_done;
};

} // namespace

bool QMetaObject::invokeMethodImpl(QObject *object, QtPrivate::QSlotObjectBase *slot,
                                   Qt::ConnectionType type, void *result)
{
    using Function = bool (*)(QObject *, QtPrivate::QSlotObjectBase *, Qt::ConnectionType, void *);
    static const auto qt = next<Function>(
        "_ZN11QMetaObject16invokeMethodImplEP7QObjectPN9QtPrivate15QSlotObjectBaseEN2Qt14"
        "ConnectionTypeEPv");
    char done = 0;
    const bool waits = type == Qt::BlockingQueuedConnection;
    const bool invoked = qt(object, new SeenSlot(slot, waits ? &done : nullptr), type, result);
    if (waits) {
        __tsan_acquire(&done);
    }
    return invoked;
}

void QThread::start(Priority priority)
{
    using Function = void (*)(QThread *, Priority);
    static const auto qt = next<Function>("_ZN7QThread5startENS_8PriorityE");
    QObject::connect(
        this, &QThread::finished, this, [this] { __tsan_release(this); }, Qt::DirectConnection);
    qt(this, priority);
}

bool QThread::wait(QDeadlineTimer deadline)
{
    using Function = bool (*)(QThread *, QDeadlineTimer);
    static const auto qt = next<Function>("_ZN7QThread4waitE14QDeadlineTimer");
    const bool ended = qt(this, deadline);
    if (ended) {
        __tsan_acquire(this);
    }
    return ended;
}

namespace {

/// A job of a thread pool that tells TSan what happened before it, and before the next one.
class SeenJob final : public QRunnable
{
public:
    SeenJob(QThreadPool *pool, std::function<void()> job)
        : m_pool(pool)
        , m_job(std::move(job))
    {
        __tsan_release(this);
    }
    ~SeenJob() override
    {
        m_job = nullptr;
        __tsan_release(m_pool);
    }

    void run() override
    {
        __tsan_acquire(this);
        __tsan_acquire(m_pool);
        m_job();
    }

private:
    QThreadPool *m_pool;
    std::function<void()> m_job;
};

} // namespace

void QThreadPool::start(std::function<void()> job, int priority)
{
    start(new SeenJob(this, std::move(job)), priority);
}

bool QThreadPool::tryStart(std::function<void()> job)
{
    auto *runnable = new SeenJob(this, std::move(job));
    if (tryStart(runnable)) {
        return true;
    }
    delete runnable;
    return false;
}

bool QThreadPool::waitForDone(int milliseconds)
{
    using Function = bool (*)(QThreadPool *, int);
    static const auto qt = next<Function>("_ZN11QThreadPool11waitForDoneEi");
    const bool done = qt(this, milliseconds);
    if (done) {
        __tsan_acquire(this);
    }
    return done;
}

#endif

#else

extern "C" const char *__asan_default_options();
extern "C" const char *__ubsan_default_options();
extern "C" const char *__lsan_default_options();
extern "C" const char *__lsan_default_suppressions();

const char *__asan_default_options()
{
    return "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options()
{
    return "print_stacktrace=1:halt_on_error=1";
}

const char *__lsan_default_options()
{
    return "print_suppressions=0";
}

const char *__lsan_default_suppressions()
{
    // A job of QtKeychain 0.13 that the keyring never answers can neither be cancelled nor deleted.
    return "leak:QKeychain::ReadPasswordJob::ReadPasswordJob\n"
           "leak:QKeychain::WritePasswordJob::WritePasswordJob\n"
           "leak:QKeychain::DeletePasswordJob::DeletePasswordJob\n";
}

#endif
