import Base
import Linux

/// The environment as `--explain` shows it: each variable with its origin, each one that stays outside with the reason.
extension EnvironmentPlan {
    var rows: [String] {
        variables.map { "\($0.name)=\($0.text) (\($0.origin))" }
            + overrides.map { "\($0.name)=\($0.text) (\($0.origin), after the image's scripts)" }
            + dropped.map { "without \($0.name): \($0.reason)" }
    }

    var json: JSONText {
        .members([
            "variables": .array(variables.map(\.json)), "overrides": .array(overrides.map(\.json)),
            "dropped": .array(
                dropped.map { .members(["name": .string($0.name), "reason": .string($0.reason)]) }),
            "libraryPrefix": .string(String(bytes: libraryPrefix)),
            "librarySuffix": .string(String(bytes: librarySuffix)),
        ])
    }
}

extension EnvironmentPlan.Variable {
    fileprivate var json: JSONText {
        .members(["name": .string(name), "value": .string(text), "origin": .string(origin)])
    }
}
