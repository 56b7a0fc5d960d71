package import Base
import Core

extension SeccompProfile {
    /// Reads a profile.
    ///
    /// - Parameters:
    ///   - name: of the file, for messages.
    ///   - architecture: of this machine, as `SCMP_ARCH_X86_64`.
    /// - Throws: for JSON that is not whole, with the place, and for anything that is not understood.
    package init(parsing bytes: [UInt8], name: String, architecture: String) throws(SkiffError) {
        let json: JSONText
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            throw SkiffError("cannot use seccomp profile \(name): it is \(error)")
        }
        do throws(Problem) {
            try self.init(json, architecture)
        } catch {
            throw SkiffError("cannot use seccomp profile \(name): \(error.reason)")
        }
    }

    struct Problem: Error { let reason: String }

    private init(_ json: JSONText, _ architecture: String) throws(Problem) {
        let object = try Members(
            json, "the profile",
            [
                "defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls", "flags",
                "listenerPath", "listenerMetadata", "comment",
            ])
        guard let action = try object.text("defaultAction") else { throw Problem(reason: "it has no defaultAction") }
        standard = try Self.action(action, object, number: "defaultErrnoRet", name: "defaultErrno")
        for flag in try object.texts("flags") where flag != "SECCOMP_FILTER_FLAG_TSYNC" {
            throw Problem(reason: "the flag \(flag) is not known")
        }
        architectures = try object.texts("architectures")
        for entry in try object.array("archMap") {
            let map = try Members(entry, "archMap", ["architecture", "subArchitectures"])
            guard let main = try map.text("architecture") else {
                throw Problem(reason: "archMap names no architecture")
            }
            if main == architecture { architectures += [main] + (try map.texts("subArchitectures")) }
        }
        rules = []
        for entry in try object.array("syscalls") { rules.append(try Self.rule(entry)) }
    }

    private static func rule(_ json: JSONText) throws(Problem) -> Rule {
        let object = try Members(
            json, "a rule",
            ["names", "name", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"])
        let names = try object.texts("names") + [object.text("name")].compactMap(\.self).filter { !$0.isEmpty }
        guard !names.isEmpty else { throw Problem(reason: "a rule names no system call") }
        guard let action = try object.text("action") else { throw Problem(reason: "a rule has no action") }
        var conditions: [Condition] = []
        for entry in try object.array("args") { conditions.append(try condition(entry)) }
        return Rule(
            names: names, action: try Self.action(action, object, number: "errnoRet", name: "errno"),
            conditions: conditions, includes: try scope(object.value("includes")),
            excludes: try scope(object.value("excludes")))
    }

    private static func condition(_ json: JSONText) throws(Problem) -> Condition {
        let object = try Members(json, "an argument", ["index", "value", "valueTwo", "op"])
        guard let index = try object.number("index"), index <= 5 else {
            throw Problem(reason: "an argument has no index from 0 to 5")
        }
        guard let word = try object.text("op"), let operation = Operation(rawValue: word) else {
            throw Problem(reason: "the comparison \(try object.text("op") ?? "of an argument") is not known")
        }
        return Condition(
            index: UInt32(index), operation: operation, value: try object.number("value") ?? 0,
            second: try object.number("valueTwo") ?? 0)
    }

    private static func scope(_ json: JSONText?) throws(Problem) -> Scope {
        guard let json else { return Scope() }
        let object = try Members(json, "includes or excludes", ["caps", "arches", "minKernel"])
        let names = try object.texts("caps")
        let (bits, unknown) = Capability.set(of: names, all: Capability.everything)
        if let unknown = unknown.first { throw Problem(reason: "the capability \(unknown) is not known") }
        var scope = Scope(capabilities: bits, processors: try object.texts("arches"))
        if let text = try object.text("minKernel"), !text.isEmpty {
            guard let version = KernelVersion(text) else { throw Problem(reason: "minKernel \(text) is no version") }
            scope.kernel = version
        }
        return scope
    }

    /// EPERM is the error where none is given.
    private static func action(_ word: String, _ object: Members, number: String, name: String) throws(Problem)
        -> Action
    {
        func error() throws(Problem) -> UInt16 {
            if let value = try object.number(number) {
                guard value <= 4095 else { throw Problem(reason: "\(number) is no error of the kernel") }
                return UInt16(value)
            }
            guard let text = try object.text(name), !text.isEmpty else { return 1 }
            guard let known = ["EPERM": 1, "EACCES": 13, "EINVAL": 22, "ENOSYS": 38, "ENOTSUP": 95][text] else {
                throw Problem(reason: "the error \(text) is not known: give its number as \(number)")
            }
            return UInt16(known)
        }
        switch word {
        case "SCMP_ACT_ALLOW": return .allow
        case "SCMP_ACT_LOG": return .log
        case "SCMP_ACT_TRAP": return .trap
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
        case "SCMP_ACT_KILL_PROCESS": return .killProcess
        case "SCMP_ACT_ERRNO": return .error(try error())
        case "SCMP_ACT_TRACE": return .trace(try error())
        case "SCMP_ACT_NOTIFY":
            throw Problem(reason: "SCMP_ACT_NOTIFY asks a listener, and skiff has none for profiles")
        default: throw Problem(reason: "the action \(word) is not known")
        }
    }
}

/// The members of an object, of which all are known. `null` counts as absent.
private struct Members {
    private let json: JSONText
    private let what: String

    init(_ json: JSONText, _ what: String, _ known: [String]) throws(SeccompProfile.Problem) {
        guard case .object(let members) = json else { throw .init(reason: "\(what) is no object") }
        for member in members where !known.contains(member.name) {
            throw .init(reason: "\(what) has the member \(member.name), which is not known")
        }
        (self.json, self.what) = (json, what)
    }

    func value(_ name: String) -> JSONText? {
        guard let value = json[name], value != .null else { return nil }
        return value
    }

    private func wrong(_ name: String, _ wanted: String) -> SeccompProfile.Problem {
        .init(reason: "\(name) of \(what) must be \(wanted)")
    }

    func text(_ name: String) throws(SeccompProfile.Problem) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw wrong(name, "a text") }
        return text
    }

    func number(_ name: String) throws(SeccompProfile.Problem) -> UInt64? {
        guard let value = value(name) else { return nil }
        if case .unsigned(let number) = value { return number }
        guard case .integer(let number) = value, number >= 0 else { throw wrong(name, "a number") }
        return UInt64(number)
    }

    func array(_ name: String) throws(SeccompProfile.Problem) -> [JSONText] {
        guard let value = value(name) else { return [] }
        guard case .array(let values) = value else { throw wrong(name, "a list") }
        return values
    }

    func texts(_ name: String) throws(SeccompProfile.Problem) -> [String] {
        var texts: [String] = []
        for value in try array(name) {
            guard let text = value.stringValue else { throw wrong(name, "a list of texts") }
            texts.append(text)
        }
        return texts
    }
}
