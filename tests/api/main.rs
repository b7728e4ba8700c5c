//! The API from outside, through the real router in memory.

mod access;
mod addresses;
mod allowed_applications;
mod as_of;
mod as_of_model;
mod authorization_server;
mod authorize;
mod bad_input;

mod bad_objects;
mod bearer;
mod browser;
mod client_applications;
mod configurations;
mod cors;
mod data_sources;
mod document;
mod erasure;
mod every_operation;
#[path = "../support/exposition.rs"]
mod exposition;
mod front;
mod guessing;
mod hdp_clients;
mod history;
mod house;
mod introspection;
mod isolation;
mod limits;
mod lockout;
mod logging;
mod login;
mod metrics;
mod oauth_apps;
mod oauth_profiles;
mod openapi;
mod protocol;
mod readme;
mod refreshing;
mod reveal;
mod role_members;
mod roles;
mod samples;
#[cfg(debug_assertions)]
mod scale;
mod schema;
mod sharing;
mod snapshots;
mod status;
mod tenants;
mod token_endpoint;
mod tokens;
mod users;
mod what_ends;
mod who_could;
mod wire;
