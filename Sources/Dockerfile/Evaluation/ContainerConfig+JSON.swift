package import Base

extension ContainerConfig {
    /// Reads the `config` object of an image, every member of which may be absent or null.
    ///
    /// - Returns: nil when a member has the wrong type.
    package init?(json: JSONText) {
        guard case .object = json else { return nil }
        let members = Members(json: json)
        do throws(WrongType) {
            user = try members.text("User") ?? ""
            exposedPorts = Set(try members.names("ExposedPorts").compactMap { try? PortRange(parsing: $0) })
            environment = try members.texts("Env") ?? []
            entrypoint = try members.texts("Entrypoint")
            command = try members.texts("Cmd")
            volumes = try members.names("Volumes").sorted()
            workingDirectory = try members.text("WorkingDir") ?? ""
            labels = try members.pairs("Labels")
            stopSignal = try members.text("StopSignal") ?? ""
            triggers = try members.texts("OnBuild") ?? []
            shell = try members.texts("Shell")
            if let check = members.value("Healthcheck") {
                guard case .object = check else { throw WrongType() }
                healthcheck = try Members(json: check).healthcheck()
            }
        } catch {
            return nil
        }
    }
}

private struct WrongType: Error {}

/// The members of an object; null counts as absent.
private struct Members {
    let json: JSONText

    func value(_ name: String) -> JSONText? { json[name].flatMap { $0 == .null ? nil : $0 } }

    func text(_ name: String) throws(WrongType) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw WrongType() }
        return text
    }

    func number(_ name: String) throws(WrongType) -> Int64 {
        guard let value = value(name) else { return 0 }
        guard case .integer(let number) = value else { throw WrongType() }
        return number
    }

    func texts(_ name: String) throws(WrongType) -> [String]? {
        guard let value = value(name) else { return nil }
        guard case .array(let values) = value else { throw WrongType() }
        return try values.map { (value) throws(WrongType) in
            guard case .string(let text) = value else { throw WrongType() }
            return text
        }
    }

    private func object(_ name: String) throws(WrongType) -> [JSONText.Member] {
        guard let value = value(name) else { return [] }
        guard case .object(let members) = value else { throw WrongType() }
        return members
    }

    /// Returns the names in an object whose values mean nothing.
    func names(_ name: String) throws(WrongType) -> [String] { try object(name).map(\.name) }

    func pairs(_ name: String) throws(WrongType) -> [String: String] {
        var pairs: [String: String] = [:]
        for member in try object(name) {
            guard case .string(let text) = member.value else { throw WrongType() }
            pairs[member.name] = text
        }
        return pairs
    }

    func healthcheck() throws(WrongType) -> Healthcheck {
        Healthcheck(
            test: try texts("Test") ?? [], interval: try number("Interval"), timeout: try number("Timeout"),
            startPeriod: try number("StartPeriod"), startInterval: try number("StartInterval"),
            retries: try number("Retries"))
    }
}
