import Core

/// Apptainer's words for the numbers in a SIF file; Docs/spec/sif.md §5.

extension SIFDataType {
    var label: String {
        switch self {
        case .definition: "Def.FILE"
        case .environment: "Env.Vars"
        case .labels: "JSON.Labels"
        case .partition: "FS"
        case .signature: "Signature"
        case .genericJSON: "JSON.Generic"
        case .generic: "Generic/Raw"
        case .cryptoMessage: "Cryptographic Message"
        case .sbom: "SBOM"
        case .ociRootIndex: "OCI.RootIndex"
        case .ociBlob: "OCI.Blob"
        default: "Unknown"
        }
    }
}

extension SIFPartitionRole {
    var label: String {
        switch self {
        case .system: "System"
        case .primarySystem: "*System"
        case .data: "Data"
        case .overlay: "Overlay"
        default: "Unknown"
        }
    }
}

extension SIFExtra.HashType {
    var label: String {
        switch self {
        case .sha256: "SHA-256"
        case .sha384: "SHA-384"
        case .sha512: "SHA-512"
        case .blake2s256: "BLAKE2s-256"
        case .blake2b256: "BLAKE2b-256"
        default: "Unknown"
        }
    }
}

extension SIFExtra.CryptoFormat {
    var label: String {
        switch self {
        case .openPGP: "OpenPGP"
        case .pem: "PEM"
        default: "Unknown"
        }
    }
}

extension SIFExtra.CryptoMessage {
    var label: String {
        switch self {
        case .clearSignature: "Clear Signature"
        case .rsaOAEP: "RSA-OAEP"
        default: "Unknown"
        }
    }
}

extension SIFExtra.SBOMFormat {
    /// Position + 1 is the number in the file.
    private static let names = [
        "cyclonedx-json", "cyclonedx-xml", "github-json", "spdx-json", "spdx-rdf", "spdx-tag-value", "spdx-yaml",
        "syft-json",
    ]

    init?(name: String) {
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: Int32(index + 1))
    }

    var label: String {
        let index = Int(rawValue) - 1
        return Self.names.indices.contains(index) ? Self.names[index] : "unknown"
    }
}
