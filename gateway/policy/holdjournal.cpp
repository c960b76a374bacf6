// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/holdjournal.h"

#include "gateway/base/clock.h"

#include <QFile>
#include <QFileInfo>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#endif

namespace tidegate {

namespace {

constexpr qint64 kSlotBytes = 256;
constexpr int kSlotBits = 16;
constexpr quint64 kSlotMask = (quint64(1) << kSlotBits) - 1;
constexpr quint64 kSerialMask = (quint64(1) << (63 - kSlotBits)) - 1;
// Serials start at the time of day: ids are new unless more than 100,000 holds a second were made
// in a file that is lost. 47 bits last for 44 years.
constexpr qint64 kSerialEpochUs = 1'735'689'600'000'000; // 2025-01-01
constexpr qint64 kSerialTickUs = 10;
constexpr char kMagic[8] = {'T', 'G', 'H', 'O', 'L', 'D', 'S', '1'};

// The file is read on the machine that wrote it, so numbers are in its byte order; a file from
// another one fails the header's check.
struct Header
{
    char magic[8];
    quint32 slotCount;
    quint32 slotBytes;
    quint64 check;  ///< of the above
    quint64 serial; ///< the last one given out; not covered by the check, only ever raises the next
};

struct Slot
{
    quint64 id;    ///< 0: free. Written last and cleared first
    quint64 check; ///< of the id and everything below the settlement
    qint64 settledNano;
    quint64 settledCheck; ///< of the id and settledNano; anything else means: not settled
    qint64 keyId;
    qint64 teamId;
    qint64 startedUs;
    qint64 amountNano;
    quint8 textLength[3]; ///< request id, model, backend
    char text[HoldJournal::kTextBytes];
    char unused[3];
};
static_assert(sizeof(Slot) == kSlotBytes && std::is_trivially_copyable_v<Slot>);
static_assert(sizeof(Header) <= kSlotBytes);

quint64 mixed(quint64 hash, quint64 word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ (hash >> 29);
}

quint64 checkOf(const void *data, size_t bytes, quint64 start)
{
    quint64 hash = mixed(0x54696465U, start);
    const char *at = static_cast<const char *>(data);
    for (; bytes >= sizeof(quint64); bytes -= sizeof(quint64), at += sizeof(quint64)) {
        quint64 word = 0;
        std::memcpy(&word, at, sizeof word);
        hash = mixed(hash, word);
    }
    return hash;
}

quint64 headerCheck(const Header &header)
{
    return checkOf(&header, offsetof(Header, check), 0);
}

quint64 slotCheck(const Slot &slot, quint64 id)
{
    return checkOf(&slot.keyId, kSlotBytes - offsetof(Slot, keyId), id);
}

quint64 settledCheck(quint64 id, qint64 nano)
{
    return checkOf(&nano, sizeof nano, id);
}

// After all that was stored before, so that a kill in between leaves the slot as it was.
void storeId(Slot &slot, quint64 id)
{
    std::atomic_ref<quint64>(slot.id).store(id, std::memory_order_release);
}

JournaledHold toHold(const Slot &slot)
{
    JournaledHold hold;
    hold.id = slot.id;
    hold.keyId = slot.keyId;
    hold.teamId = slot.teamId;
    hold.startedUs = slot.startedUs;
    hold.amount = Money::fromNano(slot.amountNano);
    if (slot.settledCheck == settledCheck(slot.id, slot.settledNano)) {
        hold.settled = Money::fromNano(slot.settledNano);
    }
    const char *at = slot.text;
    for (int i = 0; i < 3; ++i) {
        (i == 0   ? hold.requestId
         : i == 1 ? hold.model
                  : hold.backend) = QByteArray(at, slot.textLength[i]);
        at += slot.textLength[i];
    }
    return hold;
}

struct OldFile
{
    std::vector<Slot> live; ///< sound ones that are in use
    quint64 serial = 0;
    int slots = 0;
    int damaged = 0;
    QString problem; ///< of the file as a whole: it is of no use
};

// Read, not mapped: what a broken disk or a file cut short would turn into a signal is an error
// here.
OldFile readOld(QFile &file)
{
    OldFile old;
    const QByteArray content =
        file.read(std::min(file.size(), (qint64(kSlotMask) + 2) * kSlotBytes + 1));
    if (file.error() != QFileDevice::NoError) {
        old.problem = QStringLiteral("it cannot be read: ") + file.errorString();
        return old;
    }
    Header header = {};
    std::memcpy(&header, content.constData(),
                size_t(std::min<qsizetype>(content.size(), sizeof header)));
    if (content.size() < kSlotBytes || std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
        header.check != headerCheck(header) || header.slotBytes != kSlotBytes ||
        header.slotCount == 0 || header.slotCount > kSlotMask + 1) {
        old.problem = QStringLiteral("it is not one of Tidegate's, or its beginning is damaged");
        return old;
    }
    old.slots = int(header.slotCount);
    old.serial = header.serial & kSerialMask;
    const qint64 wanted = (qint64(header.slotCount) + 1) * kSlotBytes;
    const qint64 there = std::min<qint64>(wanted, content.size());
    for (qint64 offset = kSlotBytes; offset + kSlotBytes <= there; offset += kSlotBytes) {
        Slot slot = {};
        std::memcpy(&slot, content.constData() + offset, sizeof slot);
        if (slot.id == 0) {
            continue;
        }
        const int textBytes = slot.textLength[0] + slot.textLength[1] + slot.textLength[2];
        if (slot.check != slotCheck(slot, slot.id) || textBytes > HoldJournal::kTextBytes ||
            slot.id >> 63 != 0 || qint64(slot.id & kSlotMask) != offset / kSlotBytes - 1) {
            ++old.damaged;
            continue;
        }
        old.serial = std::max(old.serial, slot.id >> kSlotBits);
        old.live.push_back(slot);
    }
    if (content.size() != wanted) {
        old.problem =
            QStringLiteral("it has %1 bytes instead of %2").arg(content.size()).arg(wanted);
    } else if (old.damaged > 0) {
        old.problem = QStringLiteral("%1 of its records are damaged").arg(old.damaged);
    }
    return old;
}

QString setAside(const QString &path)
{
    for (int i = 1; i < 1000; ++i) {
        const QString aside = path + QStringLiteral(".damaged-%1").arg(i);
        if (!QFileInfo::exists(aside) && QFile::rename(path, aside)) {
            return aside;
        }
    }
    return {};
}

} // namespace

struct HoldJournal::Private
{
    QFile file;
    uchar *memory = nullptr;
    int slotCount = 0;
    std::mutex mutex;
    std::vector<quint32> freeSlots; ///< the last one freed is taken first: few pages are touched
    std::vector<quint64> owners;    ///< id that has the slot, also before it is written; 0: free
    quint64 serial = 0;

    Header &header() { return *reinterpret_cast<Header *>(memory); }
    Slot &slot(quint64 index)
    {
        return *reinterpret_cast<Slot *>(memory + (qint64(index) + 1) * kSlotBytes);
    }
    bool create(const QString &path, int slotCount);
    bool map();
};

// Zeroes are written, not just the size set, so that a store can never hit a full disk.
bool HoldJournal::Private::create(const QString &path, int slots)
{
    file.setFileName(path);
    if (!file.open(QIODevice::ReadWrite | QIODevice::NewOnly | QIODevice::Unbuffered,
                   QFileDevice::ReadOwner | QFileDevice::WriteOwner)) {
        return false;
    }
    Header head = {};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    head.slotCount = quint32(slots);
    head.slotBytes = quint32(kSlotBytes);
    head.check = headerCheck(head);
    QByteArray block(kSlotBytes, '\0');
    std::memcpy(block.data(), &head, sizeof head);
    const QByteArray rest(qsizetype(slots) * kSlotBytes, '\0');
    if (file.write(block) != block.size() || file.write(rest) != rest.size()) {
        file.remove();
        return false;
    }
    return true;
}

bool HoldJournal::Private::map()
{
    const qint64 bytes = file.size();
#ifdef Q_OS_LINUX
    // A copy of the file may have holes, where a store on a full disk would be a signal.
    if (posix_fallocate(file.handle(), 0, bytes) != 0) {
        return false;
    }
#endif
    memory = file.map(0, bytes);
    return memory != nullptr;
}

Result<HoldJournal::Opened> HoldJournal::open(const QString &path, int slots)
{
    slots = std::clamp(slots, 1, int(kSlotMask) + 1);
    Opened opened;
    OldFile old;
    auto priv = std::make_unique<Private>();
    const QFileInfo info(path);
    const bool exists = info.exists() || info.isSymLink();
    if (exists) {
        const bool plain = info.isFile() && !info.isSymLink();
        priv->file.setFileName(path);
        if (!plain) {
            old.problem = QStringLiteral("it is not a plain file");
        } else if (!priv->file.open(QIODevice::ReadWrite | QIODevice::Unbuffered)) {
            old.problem = QStringLiteral("it cannot be opened: ") + priv->file.errorString();
        } else {
            old = readOld(priv->file);
        }
        if (old.problem.isEmpty()) {
            priv->file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
        }
    }
    // One that still holds something keeps its size until a start that finds it empty.
    const bool resize = old.problem.isEmpty() && old.slots != slots && old.live.empty();
    if (exists && (resize || !old.problem.isEmpty())) {
        priv->file.close();
        if (resize) {
            QFile::remove(path);
        } else {
            const QString aside = setAside(path);
            if (aside.isEmpty()) {
                return Error{QStringLiteral("The journal of budget holds '%1' is damaged (%2) and "
                                            "cannot be renamed. Move it away and start again.")
                                 .arg(path, old.problem)};
            }
            opened.warning =
                QStringLiteral("The journal of budget holds was damaged: %1. It was kept as '%2'. "
                               "%3 requests that were running when Tidegate last ended could be "
                               "read from it; what others cost may be missing in the ledger.")
                    .arg(old.problem, aside)
                    .arg(old.live.size());
        }
    }
    const bool fresh = !exists || resize || !old.problem.isEmpty();
    if (fresh) {
        old.slots = old.live.empty() ? slots : std::max(slots, old.slots);
    }
    if ((fresh && !priv->create(path, old.slots)) || !priv->map()) {
        return Error{QStringLiteral("The journal of budget holds '%1' cannot be made: %2.")
                         .arg(path, priv->file.errorString())};
    }

    priv->slotCount = old.slots;
    // Time keeps ids new even when the file that knew the last one is lost.
    const qint64 ticks = (wallClockUs() - kSerialEpochUs) / kSerialTickUs;
    priv->serial = std::max(old.serial, quint64(std::max<qint64>(0, ticks)) & kSerialMask);
    priv->owners.assign(size_t(old.slots), 0);
    for (const Slot &live : old.live) {
        const quint64 index = live.id & kSlotMask;
        if (fresh) {
            std::memcpy(&priv->slot(index), &live, sizeof live);
        }
        priv->owners[size_t(index)] = live.id;
        opened.orphans.push_back(toHold(live));
    }
    for (quint32 i = quint32(old.slots); i > 0; --i) {
        if (priv->owners[i - 1] == 0) {
            priv->freeSlots.push_back(i - 1);
        }
    }
    opened.journal.reset(new HoldJournal(std::move(priv)));
    return opened;
}

HoldJournal::HoldJournal(std::unique_ptr<Private> priv)
    : d(std::move(priv))
{
}

HoldJournal::~HoldJournal() = default;

quint64 HoldJournal::reserve()
{
    const std::lock_guard lock(d->mutex);
    if (d->freeSlots.empty()) {
        return 0;
    }
    const quint64 index = d->freeSlots.back();
    d->freeSlots.pop_back();
    d->serial = (d->serial + 1) & kSerialMask;
    d->header().serial = d->serial;
    const quint64 id = d->serial << kSlotBits | index;
    d->owners[size_t(index)] = id;
    return id;
}

void HoldJournal::write(quint64 id, qint64 keyId, qint64 teamId, qint64 startedUs, Money amount,
                        std::string_view requestId, std::string_view model,
                        std::string_view backend)
{
    Slot slot = {};
    slot.keyId = keyId;
    slot.teamId = teamId;
    slot.startedUs = startedUs;
    slot.amountNano = amount.nano();
    size_t used = 0;
    const std::string_view texts[] = {requestId, model, backend};
    for (int i = 0; i < 3; ++i) {
        const size_t length = std::min(texts[i].size(), size_t(kTextBytes) - used);
        std::memcpy(slot.text + used, texts[i].data(), length);
        slot.textLength[i] = quint8(length);
        used += length;
    }
    slot.check = slotCheck(slot, id);
    // The slot is this hold's alone, so the lock is not needed.
    Slot &target = d->slot(id & kSlotMask);
    std::memcpy(&target, &slot, sizeof slot);
    storeId(target, id);
}

quint64 HoldJournal::rewrite(quint64 id, Money amount)
{
    const quint64 newId = reserve();
    if (newId != 0) {
        Slot slot = {};
        std::memcpy(&slot, &d->slot(id & kSlotMask), sizeof slot);
        slot.id = 0;
        slot.amountNano = amount.nano();
        slot.check = slotCheck(slot, newId);
        Slot &target = d->slot(newId & kSlotMask);
        std::memcpy(&target, &slot, sizeof slot);
        storeId(target, newId);
        free(id);
    }
    return newId;
}

void HoldJournal::settle(quint64 id, Money actual)
{
    const std::lock_guard lock(d->mutex);
    const quint64 index = id & kSlotMask;
    if (id == 0 || index >= quint64(d->slotCount) || d->owners[size_t(index)] != id) {
        return;
    }
    Slot &slot = d->slot(index);
    slot.settledNano = actual.nano();
    std::atomic_ref<quint64>(slot.settledCheck)
        .store(settledCheck(id, actual.nano()), std::memory_order_release);
}

void HoldJournal::free(quint64 id)
{
    const std::lock_guard lock(d->mutex);
    const quint64 index = id & kSlotMask;
    if (id == 0 || index >= quint64(d->slotCount) || d->owners[size_t(index)] != id) {
        return;
    }
    storeId(d->slot(index), 0);
    d->owners[size_t(index)] = 0;
    d->freeSlots.push_back(quint32(index));
}

int HoldJournal::usedSlots() const
{
    const std::lock_guard lock(d->mutex);
    return d->slotCount - int(d->freeSlots.size());
}

int HoldJournal::slotCount() const
{
    return d->slotCount;
}

} // namespace tidegate
