import Linux

/// A copy of the installation under test, with plugins that a test builds from its headers.
struct PluginInstallation {
    let folder: String
    var program: String { folder + "/bin/skiff" }

    /// - Parameter name: of its own for each suite.
    init(_ name: String) throws {
        folder = try Stage.shared.get().root + "/" + name
        let copied = try Command(["/bin/cp", "-a", try Stage.shared.get().prefix, folder], as: .current).run()
        guard copied.isSuccess else { throw HarnessError("cannot copy the installation: \(copied)") }
    }

    /// Builds a plugin from a file in `Tests/PluginHostTests/Fixtures`.
    /// - Parameter manifest: what the manifest has besides id, version, interface and library.
    func add(_ id: String, from source: String, manifest: String, _ defines: [String] = []) throws {
        let plugins = folder + "/lib/skiff/plugins"
        let built = try Command(
            [
                "/usr/bin/env", "cc", "-std=gnu11", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared",
                "-DID=\"\(id)\"",
            ] + defines + [
                "-I\(folder)/include", "-o", "\(plugins)/\(id).so",
                Stage.repository + "/Tests/PluginHostTests/Fixtures/\(source)",
            ], as: .current
        ).run()
        guard built.isSuccess else { throw HarnessError("cannot build the plugin \(id): \(built)") }
        let head = "id = \(id)\nversion = 1.0\nabi = 0.2\nlibrary = \(id).so\n"
        try? unlink("\(plugins)/\(id).plugin")
        try writeFile("\(plugins)/\(id).plugin", Array((head + manifest + "\n").utf8), mode: 0o644)
    }
}
