package import Base
package import HTTP

/// Turns a registry's refusal into an error for users; OCI distribution-spec, error codes.
package enum RegistryProblem {
    package static func described(_ message: String, _ response: HTTPResponse) -> SkiffError {
        let first: JSONText? =
            if case .array(let errors) = (try? JSONReader.read(response.body))?["errors"] { errors.first } else { nil }
        let code = first?["code"]?.stringValue ?? ""
        let text = first?["message"]?.stringValue ?? ""
        let host = response.address.authority
        switch response.status {
        case 401:
            return SkiffError(
                "\(message): authentication required or wrong credentials (401 from \(host))",
                hint: "Use 'registry login' for that registry, or --docker-login")
        case 403: return SkiffError("\(message): access denied (403 from \(host))\(Self.suffix(text))")
        case 404:
            let reason =
                switch code {
                case "NAME_UNKNOWN": "there is no such repository"
                case "BLOB_UNKNOWN": "the registry has lost a part of it"
                default: "there is no such image or tag"
                }
            return SkiffError("\(message): \(reason) (404 from \(host))")
        case 429:
            return SkiffError(
                "\(message): too many requests (429 from \(host))", hint: "Log in for a higher limit, or try later")
        default:
            let reason = text.isEmpty ? String(decoding: response.body.prefix(200), as: UTF8.self) : text
            return SkiffError("\(message): \(host) answered \(response.status)\(suffix(reason))")
        }
    }

    /// Returns foreign text made fit for one line of a terminal.
    private static func suffix(_ text: String) -> String {
        let clean = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        let line = String(clean).trimmedSpace
        return line.isEmpty ? "" : ": " + line
    }
}

extension String {
    fileprivate var trimmedSpace: String {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
