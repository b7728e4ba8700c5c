//! Bodies made from the document: whatever an operation asks for, with references to what a request picks. A new route comes
//! in by itself, and so do its properties.

use serde_json::{Map, Value, json};

use super::super::house::PASSWORD;
use super::Kind;

/// What properties stand for.
pub(super) struct Picked<'a> {
    /// The document.
    pub(super) root: &'a Value,
    /// The reference to a thing of that kind.
    pub(super) id: &'a dyn Fn(Kind) -> Value,
    /// The name of the thing itself.
    pub(super) name: String,
    /// The name of the user himself.
    pub(super) user_name: String,
    /// What names a client application to the protocol.
    pub(super) client_id: String,
    /// An access token.
    pub(super) token: String,
}

impl Picked<'_> {
    /// A body that fits `schema`, as far as a schema can say it.
    pub(super) fn body(&self, schema: &Value) -> Value {
        self.made("", schema)
    }

    fn made(&self, name: &str, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let path = reference.strip_prefix('#').expect("a reference within the document");
            return self.made(name, self.root.pointer(path).expect("what it points at"));
        }
        if let Some(picked) = self.picked(name, schema) {
            return picked;
        }
        if let Some(example) = schema["examples"].get(0) {
            return example.clone();
        }
        if let Some(value) = schema["enum"].get(0) {
            return value.clone();
        }
        let kinds = &schema["type"];
        let kind = kinds.as_str().or_else(|| kinds.get(0).and_then(Value::as_str)).unwrap_or("object");
        match kind {
            "object" => Value::Object(self.object(schema)),
            "array" => json!([self.made(name, &schema["items"])]),
            "string" => json!("text"),
            "boolean" => json!(false),
            _ => json!(1),
        }
    }

    fn object(&self, schema: &Value) -> Map<String, Value> {
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        properties.iter().map(|(name, schema)| (name.clone(), self.made(name, schema))).collect()
    }

    /// Properties that point at something, by their names, and those whose values no schema can tell.
    fn picked(&self, name: &str, schema: &Value) -> Option<Value> {
        let id = |kind| (self.id)(kind);
        let is_list = schema.get("items").is_some();
        Some(match name {
            "tenantId" => id(Kind::Tenant),
            "tenantsAdministered" => json!([id(Kind::Tenant)]),
            "userId" | "owner" | "runAs" => id(Kind::User),
            "admins" | "users" => json!([id(Kind::User)]),
            "importedRoles" | "roles" => json!([id(Kind::Role)]),
            "oauthAppId" => id(Kind::App),
            "OAuthProfileId" => id(Kind::Profile),
            "dataSourceId" => id(Kind::Source),
            "members" => json!([{ "id": id(Kind::Source), "entityPrefix": "one" }]),
            "permissions" if is_list => json!([2]),
            "options" => json!({ "OAuthProfileId": id(Kind::Profile), "Password": "p" }),
            "client_id" | "clientId" => json!(self.client_id),
            "token" => json!(self.token),
            "name" => json!(self.name),
            "userName" | "authUserName" => json!(self.user_name),
            "password" | "newPassword" | "currentPassword" => json!(PASSWORD),
            "accountLocked" => json!(false),
            // Without the last four a registration says no more than HDP's, and is anybody's.
            "passwordExpiration" | "description" | "webUI" | "grantTypes" | "scopes" | "resourceServer"
            | "passwordGrantUntil" => Value::Null,
            "startAddress" | "endAddress" => json!("192.0.2.7"),
            "domain" => json!("https://*.example.com"),
            _ => return None,
        })
    }
}
