package import Base

/// The config blob of an image; OCI image-spec, config.md. Docker's has more members, which are ignored.
package struct OCIConfig: Sendable, Equatable {
    package var platform: OCIPlatform
    /// The time of creation, by RFC 3339, if the image has one.
    package var created: String?
    /// `NAME=VALUE`, in order.
    package var environment: [String]
    package var entrypoint: [String]
    package var command: [String]
    package var labels: [(name: String, value: String)]
    /// Digests of the uncompressed layers, the lowest first.
    package var diffIDs: [OCIDigest]
    /// The inner `config` object with the members that OCI and Docker name: what `oci-config.json` of a SIF holds.
    package var runtime: JSONText

    package static func == (one: OCIConfig, other: OCIConfig) -> Bool {
        one.platform == other.platform && one.created == other.created && one.runtime == other.runtime
            && one.diffIDs == other.diffIDs
    }

    /// - Throws: when it is not JSON or a member has the wrong type.
    package init(parsing bytes: [UInt8]) throws(SkiffError) {
        let json = try OCIDocument(bytes, "image config")
        platform = OCIPlatform(
            os: try json.text("os") ?? "linux", architecture: try json.text("architecture") ?? "",
            variant: try json.text("variant") ?? "")
        created = try json.text("created")
        let inner = try json.object("config")
        environment = try inner?.texts("Env") ?? []
        entrypoint = try inner?.texts("Entrypoint") ?? []
        command = try inner?.texts("Cmd") ?? []
        labels = try inner?.pairs("Labels") ?? []
        var diffIDs: [OCIDigest] = []
        for text in try json.object("rootfs")?.texts("diff_ids") ?? [] { diffIDs.append(try OCIDigest(text)) }
        self.diffIDs = diffIDs
        runtime = .object(Self.members.compactMap { name in inner?.kept(name).map { JSONText.Member(name, $0) } })
    }

    /// In the order in which Apptainer writes them.
    private static let members = [
        "AttachStderr", "AttachStdin", "AttachStdout", "Cmd", "Healthcheck", "Domainname", "Entrypoint", "Env",
        "Hostname", "Image", "Labels", "OnBuild", "OpenStdin", "StdinOnce", "Tty", "User", "Volumes", "WorkingDir",
        "ExposedPorts", "ArgsEscaped", "NetworkDisabled", "MacAddress", "StopSignal", "Shell",
    ]

    /// The time of creation in seconds since 1970; nil when it is absent or has another form.
    package var createdSeconds: Int64? { created.flatMap { Timestamp.seconds($0) } }
}
