import Linux

/// What a draft comes to as limits.
extension PlanDraft {
    /// The user's, narrowed by those of plugins. When a plugin limits the devices, both must let one in.
    var allLimits: [CgroupLimit] {
        guard let cause = deviceLimit else { return limits }
        let asked = limits.compactMap { $0.name == .device ? DeviceRule($0) : nil }
        let wanted = DeviceRule.usual + devices.compactMap(\.rule)
        let left = wanted.compactMap { rule -> CgroupLimit? in
            var rule = rule
            if !asked.isEmpty { rule.access = rule.access(under: asked) }
            return rule.access.isEmpty ? nil : rule.limit(cause)
        }
        let none = DeviceRule(allows: false, kind: .all, major: nil, minor: nil, access: .all).limit(cause)
        return limits.filter { $0.name != .device } + [none] + left
    }
}

extension DeviceRule {
    /// What every container has: nodes that hold nothing, random numbers, terminals. As in runc.
    static let usual: [DeviceRule] =
        [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map {
            DeviceRule(allows: true, kind: .character, major: $0.0, minor: $0.1, access: .all)
        } + [DeviceRule(allows: true, kind: .character, major: 136, minor: nil, access: .all)]
}
