package import Base
import Linux

/// Certificates, proxies and time limits, from the environment, as other programs read it.
package struct HTTPTrust: Sendable {
    package var certificateFile: String?
    package var certificateDirectory: String?
    /// The Unix socket of a daemon on this host, instead of TCP.
    package var socket: String?
    package var connectSeconds = 30
    package var stallSeconds = 60
    /// Bytes that are read from a connection at once.
    package var bufferSize = 256 << 10
    /// The deadline of all requests, in milliseconds of `monotonicMilliseconds`; nil for none.
    package var deadline: Int64?
    package var userAgent: String

    /// - Throws: for a time limit that is not a number.
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

    /// Returns the proxy for an address, empty for none, or nil to leave the choice to libcurl. A web server makes
    /// HTTP_PROXY from a client's header, so libcurl ignores it in capitals (CVE-2016-5385); we honour it only where no
    /// web server runs the program. Loopback addresses have no proxy.
    func proxy(for address: WebAddress) -> String? {
        if socket != nil || address.isLoopback { return "" }
        guard address.scheme == "http", Self.variable("http_proxy") == nil, Self.variable("REQUEST_METHOD") == nil
        else { return nil }
        guard let proxy = Self.variable("HTTP_PROXY") else { return nil }
        return proxy
    }

    /// The time until the deadline, 0 after it.
    var millisecondsLeft: Int64? { deadline.map { max(0, $0 - monotonicMilliseconds()) } }

    private static func variable(_ name: String) -> String? {
        environmentValue(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
