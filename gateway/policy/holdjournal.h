// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/base/result.h"

#include <QByteArray>
#include <QString>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace tidegate {

/// What the journal keeps of a hold.
struct JournaledHold
{
    quint64 id = 0;
    qint64 keyId = 0;
    qint64 teamId = 0;
    qint64 startedUs = 0; ///< wall clock
    Money amount;
    std::optional<Money> settled; ///< what it really cost, when that was known before the crash
    QByteArray requestId;
    QByteArray model;
    QByteArray backend;
};

/// The holds whose ledger row is not on disk yet, in a memory-mapped file that survives the
/// process.
///
/// One per data directory, owned by the Gateway; every function but open() from any thread. Writing
/// is plain stores into the kernel's page cache: no system call, no waiting, and a `kill -9` loses
/// nothing. (A power cut may lose what the kernel has not written back, as with any row not yet
/// synced.) A slot is in use from write() to free(), which is called when the row is durable.
class HoldJournal
{
public:
    struct Opened
    {
        std::unique_ptr<HoldJournal> journal;
        /// Left by the process before. Their slots stay in use until free() says that their rows
        /// are written, so that a crash during recovery loses nothing either.
        std::vector<JournaledHold> orphans;
        QString warning; ///< empty, or what was wrong with the old file and where it is now
    };
    static constexpr int kDefaultSlots = 65536;
    static constexpr int kTextBytes = 186; ///< for request id, model and backend together

    /// Opens or makes @p path (mode 0600, 256 bytes for each of up to 2^16 slots). A file that is
    /// not a sound journal is renamed to "….damaged-N" and replaced. An error only when no file can
    /// be had. The data directory must be locked by this process.
    [[nodiscard]] static Result<Opened> open(const QString &path, int slots = kDefaultSlots);
    ~HoldJournal();
    HoldJournal(const HoldJournal &) = delete;
    HoldJournal &operator=(const HoldJournal &) = delete;

    /// Takes a slot for a hold that is yet to be judged. The hold's id, never used before in this
    /// data directory, between 1 and 2^63-1; 0 when every slot is in use.
    [[nodiscard]] quint64 reserve();
    /// Writes the hold to its slot; from then on it survives. Before the request leaves.
    void write(quint64 id, qint64 keyId, qint64 teamId, qint64 startedUs, Money amount,
               std::string_view requestId, std::string_view model, std::string_view backend);
    /// Writes the hold @p id anew with another amount, and frees it only then: a crash in between
    /// leaves both, which is too much and never too little. Its new id; 0, and nothing has changed,
    /// when every slot is in use.
    [[nodiscard]] quint64 rewrite(quint64 id, Money amount);
    /// Notes what it cost. Without effect when the slot is free already.
    void settle(quint64 id, Money actual);
    /// The ledger row is durable, or there is nothing to record. Unknown ids are ignored.
    void free(quint64 id);

    [[nodiscard]] int usedSlots() const;
    [[nodiscard]] int slotCount() const;

private:
    struct Private;
    explicit HoldJournal(std::unique_ptr<Private> priv);
    std::unique_ptr<Private> d;
};

} // namespace tidegate
