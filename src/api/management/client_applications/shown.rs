//! A client application as create, GET, PUT, reset and rotate answer it: HDP's six properties, and of ours those that say
//! something else than they do of an application that was registered with HDP's alone.

use events::{
    client_application::{ClientPolicy, ClientType},
    id::{ClientApplicationId, UserId},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::words::{GRANT_TYPES, PKCE, ROTATIONS, SCOPES, TYPES, word};
use crate::{commands::client_application::policy::default_policy, vault::PlainSecret};

/// One client application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientApplication)]
pub(super) struct Shown<'a> {
    id: u64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
    redirect_urls: &'a [String],
    client_id: &'a str,
    /// Only when it is new, or may be revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<&'a str>,
    /// The user whose it is, to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owner: Option<u64>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    grant_types: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scopes: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pkce: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_rotation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_retry_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token_lifetime: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, inline)]
    refresh_token_lifetime: Option<RefreshLifetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource_server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    run_as: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, format = "date-time")]
    password_grant_until: Option<Timestamp>,
    /// Until when the secret before the last rotation is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, format = "date-time")]
    previous_secret_until: Option<Timestamp>,
}

/// Seconds.
#[derive(Serialize, ToSchema)]
struct RefreshLifetime {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    idle: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    absolute: Option<u32>,
}

/// What an answer is made of, wherever it comes from: an event or a row.
pub(super) struct Parts<'a> {
    pub(super) id: ClientApplicationId,
    pub(super) name: &'a str,
    pub(super) description: Option<&'a PlainSecret>,
    pub(super) redirect_urls: &'a [String],
    pub(super) client_id: &'a str,
    pub(super) secret: Option<&'a PlainSecret>,
    pub(super) owner: UserId,
    pub(super) policy: &'a ClientPolicy,
    pub(super) previous_until: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    /// As `caller` is answered.
    pub(super) fn of(parts: &Parts<'a>, caller: UserId) -> Self {
        let policy = parts.policy;
        let default = default_policy(policy.client_type);
        let (idle, absolute) = (policy.refresh_token_idle_secs, policy.refresh_token_absolute_secs);
        let has_lifetime = idle.is_some() || absolute.is_some();
        Self {
            id: parts.id.0,
            name: parts.name,
            description: parts.description.map(PlainSecret::expose),
            redirect_urls: parts.redirect_urls,
            client_id: parts.client_id,
            client_secret: parts.secret.map(PlainSecret::expose),
            owner: (parts.owner != caller).then_some(parts.owner.0),
            client_type: (policy.client_type != ClientType::Confidential)
                .then(|| word(TYPES, &policy.client_type)),
            grant_types: (policy.grant_types != default.grant_types)
                .then(|| policy.grant_types.iter().map(|grant| word(GRANT_TYPES, grant)).collect()),
            scopes: (policy.scopes != default.scopes)
                .then(|| policy.scopes.iter().map(|scope| word(SCOPES, scope)).collect()),
            pkce: (policy.pkce != default.pkce).then(|| word(PKCE, &policy.pkce)),
            refresh_rotation: (policy.refresh_rotation != default.refresh_rotation)
                .then(|| word(ROTATIONS, &policy.refresh_rotation)),
            refresh_retry_seconds: (policy.refresh_retry_secs != default.refresh_retry_secs)
                .then_some(policy.refresh_retry_secs),
            access_token_lifetime: policy.access_token_lifetime_secs,
            refresh_token_lifetime: has_lifetime.then_some(RefreshLifetime { idle, absolute }),
            resource_server: policy.resource_server.as_deref(),
            run_as: policy.run_as.map(|user| user.0),
            password_grant_until: policy.password_until,
            previous_secret_until: parts.previous_until,
        }
    }
}
