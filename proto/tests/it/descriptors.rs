//! The embedded descriptor set and the table of rules.

use prost_reflect::DescriptorPool;
use shallot_proto::hub::v1::{Access, LimitClass};
use shallot_proto::{FILE_DESCRIPTOR_SET, METHOD_RULES, MethodRule, rule_of};

use crate::rules;

#[test]
fn embedded_descriptors_keep_our_options() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let hubs = rules::hub_services(&pool).unwrap();
    assert!(hubs.contains("shallot.world.v1.WorldHub"));
    assert!(hubs.contains("shallot.world.v1.WorldReceiver"));
    assert!(!hubs.contains("shallot.hub.v1.HubLink"));
}

#[test]
fn the_table_is_what_the_descriptors_say() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let hubs = rules::hub_services(&pool).unwrap();
    let read = rules::method_rules(&pool, &hubs).unwrap();
    assert_eq!(read.len(), METHOD_RULES.len());
    for row in read {
        let rule = rule_of(&row.path).unwrap_or_else(|| panic!("{} has no rule", row.path));
        assert_eq!((rule.access.as_str_name(), rule.limit.as_str_name()), (row.access.as_str(), row.limit.as_str()));
    }
}

#[test]
fn rules_are_found_by_path() {
    let log_in = MethodRule { access: Access::Public, limit: LimitClass::SignIn };
    let equip = MethodRule { access: Access::Character, limit: LimitClass::Ordinary };
    assert_eq!(rule_of("/shallot.auth.v1.AuthService/LogIn"), Some(log_in));
    assert_eq!(rule_of("/shallot.hub.v1.HubLink/Connect"), Some(log_in));
    assert_eq!(rule_of("/shallot.economy.v1.InventoryService/Equip"), Some(equip));
    for unknown in ["", "/", "shallot.auth.v1.AuthService/LogIn", "/shallot.auth.v1.AuthService/logIn"] {
        assert_eq!(rule_of(unknown), None, "{unknown}");
    }
    assert_eq!(rule_of("/shallot.world.v1.WorldHub/Enter"), None, "hub methods are no gRPC methods");
}
