// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"

#include <QObject>

#include <memory>
#include <vector>

namespace tidegate {

class Gateway;
class SecretSource;

/// The admin API behind its HTTP: keys, teams, backends, usage and all the rest of /admin/v1.
///
/// Lives in the main thread; owned by the program, which destroys it before the Gateway. What
/// changes something goes through the Gateway; what reads the ledger runs in threads of its own.
class AdminApi : public QObject
{
    Q_OBJECT

public:
    /// @p secrets, the keychain, may be null. Not owned.
    AdminApi(Gateway &gateway, SecretSource *secrets, QObject *parent = nullptr);
    /// Waits for what is being read; answers that a slow client takes are cut.
    ~AdminApi() override;

    /// Everything below /admin/v1/ but `events`, which the engines answer.
    [[nodiscard]] const std::vector<AdminRouter::Route> &routes() const;

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
