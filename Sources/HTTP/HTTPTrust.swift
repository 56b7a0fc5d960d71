package import Base
import Linux

/// Whom to trust, by which way to go and how long to wait: from the environment, as other programs read it.
package struct HTTPTrust: Sendable {
    package var certificateFile: String?
    package var certificateDirectory: String?
    /// The socket of a daemon of this host, instead of TCP.
    package var socket: String?
    package var connectSeconds = 30
    package var stallSeconds = 60
    /// When all must be over, in milliseconds of `monotonicMilliseconds`; nil for as long as it moves.
    package var deadline: Int64?
    package var userAgent: String

    /// - Throws: for a time limit that is no number.
    package init() throws(SkiffError) {
        certificateFile = Self.variable("SSL_CERT_FILE")
        certificateDirectory = Self.variable("SSL_CERT_DIR")
        userAgent = "skiff/\(Version.number) (linux) apptainer/\(Version.apptainer)"
        if let text = settingVariable("NETWORK_TIMEOUT") {
            guard let seconds = Int(text), seconds > 0 else {
                throw SkiffError("cannot use APPTAINER_NETWORK_TIMEOUT=\(text): it is no number of seconds")
            }
            (connectSeconds, stallSeconds) = (seconds, seconds)
        }
    }

    /// `http_proxy` in capitals is what a web server sets from a client's header; libcurl ignores it for that reason
    /// (CVE-2016-5385), and so it is read only where no web server can be. Nobody means this machine's own addresses.
    func proxy(for address: WebAddress) -> String? {
        if socket != nil || address.isLoopback { return "" }
        guard address.scheme == "http", Self.variable("http_proxy") == nil, Self.variable("REQUEST_METHOD") == nil
        else { return nil }
        guard let proxy = Self.variable("HTTP_PROXY") else { return nil }
        return proxy
    }

    /// Until the deadline, at least nothing.
    var millisecondsLeft: Int64? { deadline.map { max(0, $0 - monotonicMilliseconds()) } }

    private static func variable(_ name: String) -> String? {
        environmentValue(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
