import Linux

/// The failure that a plugin reported through `fail`, and its id for messages; reached through `skiff_host.ctx`.
final class PluginDiagnostics {
    struct Failure {
        let status: Int32
        let message: String
        let errno: Errno?
        var hint: String?
    }

    let id: String
    private(set) var failure: Failure?

    init(id: String) { self.id = id }

    func clear() { failure = nil }
    func fail(_ failure: Failure) { self.failure = failure }
}
