package import Base
import Core
import Linux
import PluginAPI

/// What a plugin says about the image of a URI; `skiff_transport_image`.
package struct TransportImage: Sendable, Equatable {
    package enum Kind: UInt32, Sendable {
        /// One image file.
        case file = 1
        /// An OCI image layout.
        case layout = 2
    }

    package var kind: Kind
    /// In bytes; 0 when it is not known.
    package var size: Int64 = 0
    package var digest: String?
    package var identity: String?

    package init(_ kind: Kind) { self.kind = kind }
}

/// What is asked of a plugin: `skiff_transport_request`.
package struct TransportRequest: Sendable, Equatable {
    package var uri: String
    package var architecture: String
    package var variant: String

    package init(uri: String, architecture: String, variant: String) {
        (self.uri, self.architecture, self.variant) = (uri, architecture, variant)
    }
}

/// The `skiff.transport/1` of one plugin, loaded for one address, or its `skiff.build-target/1` for one file.
package final class PluginTransport {
    private let session: Session

    /// Loads the plugin, and calls the handlers of its flags.
    ///
    /// - Parameter directory: absolute, without symlinks.
    package init(_ manifest: Manifest, directory: String, facts: SessionFacts, trust: Trust = .ofThisProcess)
        throws(SkiffError)
    {
        let plugin = try Loader(directory: directory, trust: trust).load(manifest)
        session = Session(plugin: plugin, facts: facts)
        try session.during(.configure) { () throws(SkiffError) in try FlagHandlers.call(session) }
    }

    /// Whether the last call failed, and the plugin said nothing about it.
    var failedSilently: Bool { session.plugin.failedSilently }

    /// - Returns: nil when the plugin says that the address is not its own.
    package func resolve(_ request: TransportRequest) throws(SkiffError) -> TransportImage? {
        guard let slot = session.plugin.transport.resolve else { return nil }
        let answer = Answer(session)
        let status = try call("resolve") {
            withRequest(request) {
                slot(
                    session.plugin.object, session.pointer, $0, takeAnswer,
                    Unmanaged.passUnretained(answer).toOpaque())
            }
        }
        if status == SKIFF_DECLINED { return nil }
        if let problem = answer.problem { throw failure("resolve", problem) }
        guard let image = answer.image else {
            throw failure("resolve", "it found \(request.uri), but did not say what")
        }
        return image
    }

    /// - Parameter target: an empty file or directory, as the image's kind asks.
    package func fetch(_ request: TransportRequest, _ image: TransportImage, to target: CInt) throws(SkiffError) {
        guard let slot = session.plugin.transport.fetch else { return }
        let status = try call("fetch") {
            withRequest(request) { request in
                withImage(image) { slot(session.plugin.object, session.pointer, request, $0, target) }
            }
        }
        if status == SKIFF_DECLINED { throw failure("fetch", "it declined what it had found") }
    }

    /// - Parameters:
    ///   - file: a SIF, open for reading.
    ///   - digest: of its bytes.
    /// - Returns: false when the plugin says that the address is not its own.
    package func push(
        _ file: CInt, _ digest: String, size: Int64, architecture: String, to uri: String
    ) throws(SkiffError) -> Bool {
        guard let slot = session.plugin.transport.push else { return false }
        let status = try call("push") {
            uri.withTerminatedBytes { uri in
                architecture.withTerminatedBytes { architecture in
                    digest.withTerminatedBytes { digest in
                        var upload = skiff_transport_upload(
                            struct_size: UInt32(MemoryLayout<skiff_transport_upload>.size), fd: file, uri: uri,
                            architecture: architecture, digest: digest, size: UInt64(clamping: size))
                        return slot(session.plugin.object, session.pointer, &upload)
                    }
                }
            }
        }
        return status != SKIFF_DECLINED
    }

    /// - Parameter target: an empty file.
    /// - Returns: false when the plugin says that it makes no such file.
    package func write(_ image: TargetImage, to target: CInt) throws(SkiffError) -> Bool {
        guard let slot = session.plugin.buildTarget.write else { return false }
        let status = try call("write") {
            image.withRequest { slot(session.plugin.object, session.pointer, $0, target) }
        }
        return status != SKIFF_DECLINED
    }

    /// Calls in the phase for everything that needs no container.
    private func call(_ station: String, _ body: () -> Int32) throws(SkiffError) -> Int32 {
        try session.during(.configure) { () throws(SkiffError) in try session.plugin.call(station, body) }
    }

    private func failure(_ station: String, _ message: String) -> SkiffError {
        session.plugin.manifest.failure(station, message)
    }

    private func withRequest(
        _ request: TransportRequest, _ body: (UnsafePointer<skiff_transport_request>) -> Int32
    ) -> Int32 {
        request.uri.withTerminatedBytes { uri in
            request.architecture.withTerminatedBytes { architecture in
                request.variant.withTerminatedBytes { variant in
                    var value = skiff_transport_request(
                        struct_size: UInt32(MemoryLayout<skiff_transport_request>.size), reserved: 0, uri: uri,
                        architecture: architecture, variant: variant)
                    return withUnsafePointer(to: &value, body)
                }
            }
        }
    }

    private func withImage(_ image: TransportImage, _ body: (UnsafePointer<skiff_transport_image>) -> Int32) -> Int32 {
        withOptionalText(image.digest) { digest in
            withOptionalText(image.identity) { identity in
                var value = skiff_transport_image(
                    struct_size: UInt32(MemoryLayout<skiff_transport_image>.size), kind: image.kind.rawValue,
                    size: UInt64(clamping: image.size), digest: digest, identity: identity)
                return withUnsafePointer(to: &value, body)
            }
        }
    }

    private func withOptionalText(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Int32) -> Int32 {
        guard let text else { return body(nil) }
        return text.withTerminatedBytes { body($0) }
    }
}

/// What `resolve` answers through its callback.
private final class Answer {
    var image: TransportImage?
    /// Why it cannot be used.
    var problem: String?
    private let session: Session

    init(_ session: Session) { self.session = session }

    func take(_ given: UnsafePointer<skiff_transport_image>?) -> Int32 {
        guard image == nil, problem == nil else { return refuse("it answered twice") }
        guard let read = readRequest(given, into: skiff_transport_image()) else {
            return refuse("its answer is made for a newer skiff")
        }
        guard let kind = TransportImage.Kind(rawValue: read.kind) else {
            return refuse("its answer has the unknown kind \(read.kind)")
        }
        guard let size = Int64(exactly: read.size) else { return refuse("its answer has an impossible size") }
        var answer = TransportImage(kind)
        (answer.size, answer.digest, answer.identity) = (size, text(read.digest), text(read.identity))
        if let digest = answer.digest, !Self.isDigest(digest) {
            return refuse("\"\(digest.prefix(80))\" is no digest: sha256: and 64 small hexadecimal digits are one")
        }
        if let identity = answer.identity, !Self.isIdentity(identity) {
            return refuse("its identity is longer than 1024 bytes, or has control characters")
        }
        image = answer
        return SKIFF_OK
    }

    private func refuse(_ problem: String) -> Int32 {
        self.problem = problem
        return session.refuse(SKIFF_E_INVALID, problem)
    }

    private static func isDigest(_ text: String) -> Bool {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71 else { return false }
        return text.utf8.dropFirst(7).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func isIdentity(_ text: String) -> Bool {
        (1...1024).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

private func takeAnswer(
    _ context: UnsafeMutableRawPointer?, _ image: UnsafePointer<skiff_transport_image>?
) -> Int32 {
    guard let context else { return SKIFF_E_INVALID }
    return Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue().take(image)
}
