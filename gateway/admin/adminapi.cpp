// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminapi.h"

#include "gateway/admin/adminreaders.h"
#include "gateway/admin/backendsresource.h"
#include "gateway/admin/configroutes.h"
#include "gateway/admin/keysresource.h"
#include "gateway/admin/ledgerroutes.h"
#include "gateway/admin/limitsresource.h"
#include "gateway/admin/modelsresource.h"
#include "gateway/admin/pricesresource.h"
#include "gateway/admin/teamsresource.h"
#include "gateway/admin/transferroutes.h"
#include "gateway/admin/usageroutes.h"
#include "gateway/engine/gateway.h"

namespace tidegate {

class AdminApi::Private
{
public:
    Private(Gateway &gatewayToUse, SecretSource *secrets)
        : gateway(gatewayToUse)
        , keys(gateway)
        , teams(gateway)
        , backends(gateway, secrets)
        , models(gateway)
        , prices(gateway)
        , limits(gateway)
        , config(gateway)
        , usage(gateway, readers)
        , ledger(gateway, readers)
        , transfer(gateway, ledger)
    {
        keys.addRoutes(router);
        teams.addRoutes(router);
        backends.addRoutes(router);
        models.addRoutes(router);
        prices.addRoutes(router);
        limits.addRoutes(router);
        config.addRoutes(router);
        usage.addRoutes(router);
        ledger.addRoutes(router);
        transfer.addRoutes(router);
    }

    Gateway &gateway;
    AdminRouter router;
    KeysResource keys;
    TeamsResource teams;
    BackendsResource backends;
    ModelsResource models;
    PricesResource prices;
    LimitsResource limits;
    ConfigRoutes config;
    UsageRoutes usage;
    LedgerRoutes ledger;
    TransferRoutes transfer;
    AdminReaders readers; ///< last, so that its jobs end before what they use
};

AdminApi::AdminApi(Gateway &gateway, SecretSource *secrets, QObject *parent)
    : QObject(parent)
    , d(std::make_unique<Private>(gateway, secrets))
{
    gateway.setAdminHandler([self = d.get()](const AdminRequest &request) {
        if (!self->gateway.config()) {
            request.reply->sendError({503, "starting", "Tidegate is starting.", {}});
            return;
        }
        self->router.handle(request);
    });
}

AdminApi::~AdminApi()
{
    d->gateway.setAdminHandler({});
}

const std::vector<AdminRouter::Route> &AdminApi::routes() const
{
    return d->router.routes();
}

} // namespace tidegate
