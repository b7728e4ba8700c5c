//! Settings of the system, from wish to row: configurations, the password policy, trusted origins; and the addresses that
//! requests may come from, of every level (hdp-api 6.6, 7.2, 7.3, 9.20, 9.25, 9.28).

use authledger::{
    auth::origin::TrustedOrigin,
    commands::{
        self,
        cors::{AddCorsOrigins, Entry, RemoveCorsOrigin, UpdateCorsOrigin},
        setting::{SetConfiguration, SetPasswordPolicy},
        whitelist::{Change, Level, SetIpWhitelist, SetUserIpWhitelist},
    },
    vault::Vault,
};
use events::{
    envelope::{Stream, StreamKind},
    id::{ConfigurationId, CorsOriginId, Sequence, TenantId, UserId},
    sealed::{Field, Sealed},
    setting::PasswordPolicySet,
    sorted::SortedVec,
    time::Timestamp,
    whitelist::{AddressRange, IpWhitelistSet},
};
use projections::{State, cors, ip_whitelists, settings};
use proptest::{collection::vec, prelude::*};

use crate::{
    compare::same,
    model::Model,
    requests::{Ask, if_match, sequences},
    steps::{Expected, Wish, expected, id, id_of, rarely},
};

/// An entry of the list of trusted origins.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) id: u64,
    pub(crate) domain: String,
    pub(crate) description: Option<Sealed>,
    pub(crate) by: Option<u64>,
    pub(crate) at: Timestamp,
    pub(crate) changed: u64,
}

/// All that is set beside the objects.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) configurations: Vec<(u16, Option<String>, u64)>,
    pub(crate) policy: Option<(PasswordPolicySet, u64)>,
    pub(crate) origins: Vec<Origin>,
    /// The last place given, and when the list last changed.
    pub(crate) list: Option<(u64, Timestamp)>,
    /// By level.
    pub(crate) addresses: Vec<(Stream, IpWhitelistSet, u64)>,
    pub(crate) of_users: Vec<(u64, Sealed, u64)>,
}

/// Numbers are for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum SettingWish {
    Configuration {
        id: u8,
        value: Option<&'static str>,
        expected: Expected,
    },
    Policy {
        good: bool,
        days: Option<u32>,
        described: bool,
        foreign_key: bool,
        expected: Expected,
    },
    NewOrigins {
        domains: Vec<u8>,
        described: bool,
        foreign_key: bool,
    },
    Origin {
        id: u8,
        domain: u8,
        described: bool,
        foreign_key: bool,
        expected: Expected,
    },
    NoOrigin {
        id: u8,
        expected: Expected,
    },
    /// `None` for the system's.
    Addresses {
        tenant: Option<u8>,
        change: AddressChange,
        lets_in: bool,
        expected: Expected,
    },
    /// Of whoever asks, or of whom he asks for.
    OwnAddresses {
        change: AddressChange,
        foreign_key: bool,
        lets_in: bool,
        expected: Expected,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum AddressChange {
    New,
    /// By lists of so many ranges.
    Replaced(u8),
    Cleared,
}

pub(crate) fn settings() -> BoxedStrategy<Wish> {
    let configuration = prop_oneof![
        3 => Just((6, Some("2"))),
        1 => Just((6, Some("1"))),
        1 => Just((6, Some("3"))),
        1 => Just((6, None)),
        2 => Just((8, Some("false"))),
        1 => Just((8, Some("true"))),
        1 => Just((8, Some("no"))),
        1 => Just((1, Some("|"))),
        1 => Just((1, Some(""))),
        1 => Just((4, Some("PLURALIZE"))),
        1 => Just((9, None)),
    ];
    let configurations = (configuration, expected())
        .prop_map(|((id, value), expected)| SettingWish::Configuration { id, value, expected });
    let good = || prop_oneof![4 => Just(true), 1 => Just(false)];
    let days = prop_oneof![2 => Just(None), 4 => (1..100_u32).prop_map(Some), 1 => Just(Some(0)), 1 => Just(Some(3651))];
    let policies = (good(), days, any::<bool>(), rarely(), expected()).prop_map(
        |(good, days, described, foreign_key, expected)| SettingWish::Policy {
            good,
            days,
            described,
            foreign_key,
            expected,
        },
    );
    let new = (vec(0..5_u8, 1..3), any::<bool>(), rarely()).prop_map(|(domains, described, foreign_key)| {
        SettingWish::NewOrigins { domains, described, foreign_key }
    });
    let origins = (id(), 0..5_u8, any::<bool>(), rarely(), expected()).prop_map(
        |(id, domain, described, foreign_key, expected)| SettingWish::Origin {
            id,
            domain,
            described,
            foreign_key,
            expected,
        },
    );
    let fewer = (id(), expected()).prop_map(|(id, expected)| SettingWish::NoOrigin { id, expected });
    let change = || {
        prop_oneof![
            5 => Just(AddressChange::New),
            4 => (0..3_u8).prop_map(AddressChange::Replaced),
            3 => Just(AddressChange::Cleared),
        ]
    };
    let tenant = prop_oneof![1 => Just(None), 2 => id().prop_map(Some)];
    let addresses = (tenant, change(), good(), expected()).prop_map(|(tenant, change, lets_in, expected)| {
        SettingWish::Addresses { tenant, change, lets_in, expected }
    });
    let own =
        (change(), rarely(), good(), expected()).prop_map(|(change, foreign_key, lets_in, expected)| {
            SettingWish::OwnAddresses { change, foreign_key, lets_in, expected }
        });
    prop_oneof![
        3 => configurations,
        2 => policies,
        3 => new,
        2 => origins,
        2 => fewer,
        4 => addresses,
        4 => own,
    ]
    .prop_map(Wish::Setting)
    .boxed()
}

impl AddressChange {
    fn of<Lists>(&self, lists: impl FnOnce(u8) -> Lists) -> Change<Lists> {
        match self {
            Self::New => Change::New(lists(1)),
            Self::Replaced(ranges) => Change::Replaced(lists(*ranges)),
            Self::Cleared => Change::Cleared,
        }
    }
}

/// The addresses of whoever asks.
pub(crate) fn his_addresses() -> Wish {
    let (change, expected) = (AddressChange::New, Expected::Nothing);
    Wish::Setting(SettingWish::OwnAddresses { change, foreign_key: false, lets_in: true, expected })
}

/// One of everything.
pub(crate) fn tour() -> Vec<Wish> {
    let expected = Expected::Nothing;
    let (described, foreign_key, lets_in) = (true, false, true);
    let all = [
        SettingWish::Configuration { id: 6, value: Some("2"), expected: expected.clone() },
        SettingWish::Policy { good: true, days: Some(9), described, foreign_key, expected: expected.clone() },
        SettingWish::NewOrigins { domains: vec![1, 2], described, foreign_key },
        SettingWish::NoOrigin { id: 1, expected: expected.clone() },
        SettingWish::Addresses {
            tenant: Some(4),
            change: AddressChange::New,
            lets_in,
            expected: expected.clone(),
        },
        SettingWish::OwnAddresses { change: AddressChange::New, foreign_key, lets_in, expected },
    ];
    all.map(Wish::Setting).into()
}

/// What the edge does with it for `whom`, who asks or is asked for.
pub(crate) fn edge(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &SettingWish,
) -> (Ask, commands::Wish) {
    let seen = |changed: Option<u64>, expected: &Expected| sequences(if_match(changed, expected).as_ref());
    let system_key = |foreign: bool| {
        let own = model.tenants.first().filter(|_| !foreign);
        own.map_or_else(|| vault.new_data_key().key, |row| vault.data_key(&row.key).expect("a living key"))
    };
    let text = |foreign| vault.seal(&system_key(foreign), StreamKind::LEDGER, Field::DESCRIPTION, b"text");
    let entry = |domain: &u8, described: bool, foreign: bool| Entry {
        domain: TrustedOrigin::parse(&format!("https://*.site{domain}.example")).expect("a good origin"),
        description: described.then(|| text(foreign)),
    };
    let origin = |number: &u8| {
        let ever = model.settings.list.map_or(0, |(last, _)| last);
        let id = id_of(*number, ever);
        let row = model.settings.origins.iter().find(|row| row.id == id);
        (CorsOriginId(id), row.map(|row| row.changed))
    };
    let wish = match wish {
        SettingWish::Configuration { id, value, expected } => {
            let id = u16::from(*id);
            let row = model.settings.configurations.iter().find(|(of, _, _)| *of == id);
            commands::Wish::SetConfiguration(Box::new(SetConfiguration {
                id: ConfigurationId(id),
                value: value.map(ToOwned::to_owned),
                expected: seen(row.map(|(_, _, changed)| *changed), expected),
            }))
        }
        SettingWish::Policy { good, days, described, foreign_key, expected } => {
            let policy = PasswordPolicySet {
                name: "ours".to_owned(),
                description: described.then(|| text(*foreign_key)),
                length_min: 12,
                length_max: if *good { 64 } else { 11 },
                special_min: 1,
                lower_min: 1,
                upper_min: 0,
                digits_min: 2,
                expiration_days: *days,
            };
            let changed = model.settings.policy.as_ref().map(|(_, changed)| *changed);
            let wish = SetPasswordPolicy { policy, expected: seen(changed, expected) };
            commands::Wish::SetPasswordPolicy(Box::new(wish))
        }
        SettingWish::NewOrigins { domains, described, foreign_key } => {
            let entries = domains.iter().map(|domain| entry(domain, *described, *foreign_key)).collect();
            commands::Wish::AddCorsOrigins(Box::new(AddCorsOrigins { entries }))
        }
        SettingWish::Origin { id, domain, described, foreign_key, expected } => {
            let (id, changed) = origin(id);
            let (entry, expected) = (entry(domain, *described, *foreign_key), seen(changed, expected));
            commands::Wish::UpdateCorsOrigin(Box::new(UpdateCorsOrigin { id, expected, entry }))
        }
        SettingWish::NoOrigin { id, expected } => {
            let (id, changed) = origin(id);
            let expected = seen(changed, expected);
            commands::Wish::RemoveCorsOrigin(RemoveCorsOrigin { id, expected })
        }
        SettingWish::Addresses { tenant, change, lets_in, expected } => {
            let level =
                tenant.map_or(Level::System, |number| Level::Tenant(TenantId(model.a_tenant(number))));
            let row = model.settings.addresses.iter().find(|(of, _, _)| *of == stream(level));
            commands::Wish::SetIpWhitelist(Box::new(SetIpWhitelist {
                level,
                expected: seen(row.map(|(_, _, changed)| *changed), expected),
                change: change.of(lists),
                lets_sender_in: *lets_in,
            }))
        }
        SettingWish::OwnAddresses { change, foreign_key, lets_in, expected } => {
            let user = whom.and_then(|id| model.user(id));
            let key = user.filter(|_| !foreign_key).map(|row| row.name.key_id);
            let key = key.map(|key| vault.data_key(&key).expect("a living key"));
            let key = key.unwrap_or_else(|| vault.new_data_key().key);
            let row = model.settings.of_users.iter().find(|(of, _, _)| Some(*of) == whom);
            let sealed = || vault.seal(&key, StreamKind::USER, Field::IP_WHITELIST, b"{}");
            commands::Wish::SetUserIpWhitelist(Box::new(SetUserIpWhitelist {
                expected: seen(row.map(|(_, _, changed)| *changed), expected),
                change: change.of(|ranges| (ranges > 0).then(sealed)),
                lets_sender_in: *lets_in,
            }))
        }
    };
    (Ask::Other(wish.clone()), wish)
}

pub(crate) fn stream(level: Level) -> Stream {
    match level {
        Level::System => Stream::new(StreamKind::LEDGER, 0),
        Level::Tenant(tenant) => Stream::new(StreamKind::TENANT, tenant.0),
    }
}

fn lists(ranges: u8) -> IpWhitelistSet {
    let one = |number: u8| {
        let address = std::net::Ipv4Addr::new(10, 0, 0, number);
        AddressRange::new(address.into(), address.into()).expect("in order")
    };
    let all: SortedVec<AddressRange> = (0..ranges).map(one).collect();
    IpWhitelistSet { admin_api: all.clone(), management_api: all, ..IpWhitelistSet::default() }
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let ours = &model.settings;
    same!(state.settings.configurations.all().count(), ours.configurations.len(), "number of configurations");
    for (id, value, changed) in &ours.configurations {
        let actual = state.settings.configurations.get(&ConfigurationId(*id)).map(|row| &**row);
        let expected = settings::Configuration { value: value.clone(), changed: Sequence(*changed) };
        same!(actual, Some(&expected), "configuration {id}");
    }
    let policy = ours.policy.as_ref().map(|(policy, changed)| settings::PasswordPolicy {
        policy: policy.clone(),
        changed: Sequence(*changed),
    });
    same!(state.settings.password_policy.get(&()).map(|row| &**row), policy.as_ref(), "password policy");

    same!(state.cors.rows.all().count(), ours.origins.len(), "number of trusted origins");
    same!(state.cors.by_domain.all().count(), ours.origins.len(), "number of trusted domains");
    for row in &ours.origins {
        let expected = cors::CorsOrigin {
            domain: row.domain.clone(),
            description: row.description.clone(),
            changed_by: row.by.map(UserId),
            changed_at: row.at,
            changed: Sequence(row.changed),
        };
        let id = CorsOriginId(row.id);
        same!(state.cors.rows.get(&id).map(|row| &**row), Some(&expected), "trusted origin {id}");
        same!(state.cors.by_domain.get(&row.domain), Some(&id), "origin by domain");
    }
    let list = state.cors.list.get(&()).map(|list| (list.last.0, list.changed_at));
    same!(list, ours.list, "the list of origins");
    same!(state.cors.next_id().0, ours.list.map_or(1, |(last, _)| last + 1), "next place of an origin");

    let all = &state.ip_whitelists;
    same!(all.rows.all().count(), ours.addresses.len(), "number of lists of addresses");
    for (stream, lists, changed) in &ours.addresses {
        let expected = ip_whitelists::IpWhitelist { lists: lists.clone(), changed: Sequence(*changed) };
        same!(all.rows.get(stream).map(|row| &**row), Some(&expected), "addresses of {stream}");
    }
    same!(all.of_users.all().count(), ours.of_users.len(), "number of users' lists of addresses");
    for (user, lists, changed) in &ours.of_users {
        let tenant = model.user(*user).map_or(0, |row| row.tenant);
        let expected = ip_whitelists::UserIpWhitelist {
            tenant: TenantId(tenant),
            lists: lists.clone(),
            changed: Sequence(*changed),
        };
        let actual = all.of_users.get(&UserId(*user)).map(|row| &**row);
        same!(actual, Some(&expected), "addresses of user {user}");
    }
    same!(all.users_by_tenant.all().count(), ours.of_users.len(), "number of users with lists");
    for tenant in 0..8 {
        for after in [0, 2] {
            let there =
                |user: &u64| *user > after && model.user(*user).is_some_and(|row| row.tenant == tenant);
            let mut expected: Vec<u64> =
                ours.of_users.iter().map(|(user, _, _)| *user).filter(there).collect();
            expected.sort_unstable();
            let actual = all.users_of_tenant(TenantId(tenant), UserId(after)).map(|user| user.0);
            same!(actual.collect::<Vec<_>>(), expected, "users of tenant {tenant} with lists after {after}");
        }
    }
    Ok(())
}
