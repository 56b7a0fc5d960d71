import PluginAPI

/// A command of the user, valid during one call.
public struct Session {
    /// The pointer for the C interface.
    public let pointer: OpaquePointer

    public init?(_ pointer: OpaquePointer?) {
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    func table<Table>(_ id: String, _ type: Table.Type) throws(PluginError) -> Table {
        guard let host = Kit.host, let found = host.pointee.get_extension?(host, id) else {
            throw PluginError("cannot go on: this skiff has no \(id)", status: SKIFF_E_HOST_TOO_OLD)
        }
        return found.load(as: type)
    }

    func plan() throws(PluginError) -> skiff_host_plan { try table(SKIFF_HOST_PLAN, skiff_host_plan.self) }

    private func settings() throws(PluginError) -> skiff_host_settings {
        try table(SKIFF_HOST_SETTINGS, skiff_host_settings.self)
    }

    /// Returns the values of a key of skiff.conf, in order; empty when it is absent.
    public func configuration(_ key: String) throws(PluginError) -> [String] {
        let slot = try settings().configuration
        return try values { slot?(pointer, key, $0, $1) }
    }

    /// Returns the values of a flag of this plugin; empty when it was not used.
    public func flag(_ name: String) throws(PluginError) -> [String] {
        let slot = try settings().flag
        return try values { slot?(pointer, name, $0, $1) }
    }

    /// Returns a variable of the caller's environment.
    public func variable(_ name: String) throws(PluginError) -> String? {
        let slot = try settings().variable
        return try values { slot?(pointer, name, $0, $1) }.first
    }

    /// Returns a directory of the installation: `configuration`, `plugins`, `libexec`, `share`.
    public func directory(_ which: String) throws(PluginError) -> String {
        let slot = try settings().directory
        guard let path = try values({ slot?(pointer, which, $0, $1) }).first else {
            throw PluginError("cannot find the \(which) directory", status: SKIFF_E_HOST_TOO_OLD)
        }
        return path
    }

    private func facts() throws(PluginError) -> skiff_host_facts { try table(SKIFF_HOST_FACTS, skiff_host_facts.self) }

    /// Returns a number of `skiff/host/facts.h`: `uid`, `privileged`, `writable`; nil when the host does not know it.
    public func number(_ name: String) throws(PluginError) -> Int64? {
        let slot = try facts().number
        var answer: Int64 = 0
        let status = slot?(pointer, name, &answer)
        if status == SKIFF_DECLINED { return nil }
        try check(status)
        return answer
    }

    /// Returns a text of `skiff/host/facts.h`: `image`, `cwd`, `architecture`; nil when the host does not know it.
    public func text(_ name: String) throws(PluginError) -> String? {
        let slot = try facts().text
        return try values { slot?(pointer, name, $0, $1) }.first
    }

    /// Returns the values that a call passes to its callback one by one.
    func values(
        _ ask: (
            @escaping @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Void, UnsafeMutableRawPointer
        ) -> Int32?
    )
        throws(PluginError) -> [String]
    {
        var result: [String] = []
        let status = withUnsafeMutablePointer(to: &result) { place in
            ask(
                { context, text in
                    guard let text else { return }
                    context?.assumingMemoryBound(to: [String].self).pointee.append(String(bytes: text))
                }, UnsafeMutableRawPointer(place))
        }
        if status != SKIFF_DECLINED { try check(status) }
        return result
    }

    /// - Parameter status: nil when the host lacks the function.
    func check(_ status: Int32?) throws(PluginError) {
        guard let status else { throw PluginError("cannot go on: this skiff is too old", status: SKIFF_E_HOST_TOO_OLD) }
        if status < 0 { throw PluginError(passingOn: status) }
    }
}
