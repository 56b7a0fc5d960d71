import Core
import Linux
import PluginAPI

/// `skiff.host.network/1`: what an attached network tells.
nonisolated(unsafe) let networkTable = permanent(
    skiff_host_network(struct_size: UInt32(MemoryLayout<skiff_host_network>.size), reserved: 0, tell: tell))

/// More than any network has to say.
private let mostResults = 256

private func tell(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_network_result>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.started]), let told = session.results else { return SKIFF_E_PHASE }
    guard let given = readRequest(request, into: skiff_network_result()) else {
        return session.refuse(unread: request, "result of a network")
    }
    guard let kind = NetworkResult.Kind(rawValue: given.kind) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot take a result of a network: unknown kind \(given.kind)")
    }
    let result = NetworkResult(kind, text(given.value) ?? "", detail: text(given.detail))
    guard result.isValid, told.count < mostResults else {
        return session.refuse(SKIFF_E_INVALID, "cannot take '\(result.value)' as the \(kind) of a network")
    }
    session.results?.append(result)
    return SKIFF_OK
}

extension NetworkResult {
    /// Whether it may be written into files of the container and of the user: values of that form hold no line of their own.
    var isValid: Bool {
        switch kind {
        case .address: isPrefixed(value) && detail == nil
        case .gateway, .nameServer: isInternetAddress(value) && detail == nil
        case .route: isPrefixed(value) && (detail.map(isInternetAddress) ?? true)
        case .search: isNetworkName(value) && detail == nil
        case .host:
            isInternetAddress(value)
                && detail.map { names in
                    let words = names.split(separator: " ", omittingEmptySubsequences: false)
                    return names.utf8.count <= 1024 && words.allSatisfy { isNetworkName(String($0)) }
                } == true
        case .port: isPrintable(value) && (detail.map(isPrintable) ?? true)
        }
    }

    private func isPrefixed(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, isInternetAddress(String(parts[0])), let prefix = UInt8(parts[1]) else { return false }
        return prefix <= (parts[0].utf8.contains(UInt8(ascii: ":")) ? 128 : 32)
    }

    private func isPrintable(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
