import Base
import Core
import Digest
import OCI
import Testing

private let hex = String(repeating: "0123456789abcdef", count: 4)

private func descriptor(_ members: String = "") -> String {
    #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:\#(hex)","size":7\#(members)}"#
}

private func platform(_ architecture: String, _ variant: String = "") -> String {
    #","platform":{"os":"linux","architecture":"\#(architecture)","variant":"\#(variant)"}"#
}

@Suite struct ManifestTests {
    @Test func readsAManifest() throws {
        let text =
            #"{"schemaVersion":2,"config":\#(descriptor()),"layers":[\#(descriptor()),\#(descriptor())],"annotations":{"a":"b"}}"#
        guard case .manifest(let manifest) = try OCIManifestDocument(parsing: Array(text.utf8)) else {
            Issue.record("not a manifest")
            return
        }
        #expect(manifest.layers.count == 2)
        #expect(manifest.config.size == 7)
        #expect(manifest.annotations == ["a": "b"])
    }

    @Test(arguments: [
        #"{"schemaVersion":2,"config":{},"manifests":[]}"#,
        #"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{"digest":"x"},"layers":[]}"#,
        #"{"schemaVersion":1,"fsLayers":[]}"#, #"{"schemaVersion":2}"#, "[]", "", "{",
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:00","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:../../../etc/passwd","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:\#(hex)","size":-1}]}"#,
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:\#(hex)","size":4611686018427387904}]}"#,
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:\#(hex)","size":9223372036854775807}]}"#,
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:\#(hex)","size":9223372036854775808}]}"#,
        #"{"schemaVersion":2,"manifests":[{"digest":"sha256:\#(hex)","size":4398046511105}]}"#,
        #"{"schemaVersion":2,"manifests":[1]}"#, #"{"schemaVersion":3,"manifests":[]}"#,
    ])
    func refuses(_ text: String) {
        #expect(throws: SkiffError.self) { try OCIManifestDocument(parsing: Array(text.utf8)) }
    }

    @Test func selectsByPlatformAndPassesOverAttestations() throws {
        let entries = [
            descriptor(#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"# + platform("amd64")),
            descriptor(platform("unknown").replacing("linux", with: "unknown")), descriptor(platform("arm", "v6")),
            descriptor(platform("arm", "v7")), descriptor(platform("amd64")),
        ]
        let text = #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
        guard case .index(let found) = try OCIManifestDocument(parsing: Array(text.utf8)) else {
            Issue.record("not an index")
            return
        }
        func chosen(_ architecture: String, _ variant: String = "") throws -> OCIPlatform? {
            let wanted = OCIPlatform(architecture: architecture, variant: variant)
            return try OCIManifestDocument.select(found, wanted, "x").platform
        }
        #expect(try chosen("amd64")?.description == "linux/amd64")
        #expect(try chosen("arm")?.variant == "v7")
        #expect(try chosen("arm", "v6")?.variant == "v6")
        let failure = #expect(throws: SkiffError.self) { try chosen("s390x") }
        #expect(
            failure?.description
                == "cannot use x: it has no image for linux/s390x. It has linux/arm/v6, linux/arm/v7, linux/amd64")
    }

    @Test func wordsOfPlatformsAreUnderstood() throws {
        #expect(try OCIPlatform(word: "arm", variant: "7").description == "linux/arm/v7")
        #expect(try OCIPlatform(word: "arm32v6", variant: nil).description == "linux/arm/v6")
        #expect(try OCIPlatform(word: "arm64v8", variant: nil).description == "linux/arm64/v8")
        #expect(throws: SkiffError.self) { try OCIPlatform(word: "vax", variant: nil) }
        #expect(OCIPlatform(architecture: "arm64", variant: "v8").accepts(OCIPlatform(architecture: "arm64")))
    }

    @Test func verifiesWhatADescriptorNames() throws {
        let bytes = Array("content".utf8)
        let right = OCIDescriptor(mediaType: "", digest: try OCIDigest(try SHA256.text(of: bytes)), size: 7)
        try right.verify(bytes, "blob")
        #expect(throws: SkiffError.self) { try right.verify(Array("content!".utf8), "blob") }
        #expect(throws: SkiffError.self) { try right.verify(Array("Content".utf8), "blob") }
    }
}

@Suite struct ConfigTests {
    @Test func keepsWhatOCINamesInItsOrder() throws {
        let text = """
            {"architecture":"amd64","os":"linux","created":"2024-05-01T12:00:00.25+02:00","config":{"Labels":{"b":"2","a":"1"},
            "Cmd":["sh"],"Env":["PATH=/bin"],"Entrypoint":null,"Hostname":"x","WorkingDir":"/w","User":"","Image":"y"},
            "rootfs":{"type":"layers","diff_ids":["sha256:\(hex)"]},"history":[{"empty_layer":true}]}
            """
        let config = try OCIConfig(parsing: Array(text.utf8))
        #expect(
            config.runtime.text()
                == #"{"Cmd":["sh"],"Env":["PATH=/bin"],"Hostname":"x","Image":"y","Labels":{"a":"1","b":"2"},"WorkingDir":"/w"}"#
        )
        #expect(config.command == ["sh"] && config.entrypoint.isEmpty)
        #expect(config.createdSeconds == 1_714_557_600)
        #expect(config.diffIDs.map(\.hex) == [hex])
    }

    @Test(arguments: [#"{"config":{"Env":[1]}}"#, #"{"rootfs":{"diff_ids":["x"]}}"#, #"{"config":[]}"#, "null"])
    func refuses(_ text: String) {
        #expect(throws: SkiffError.self) { try OCIConfig(parsing: Array(text.utf8)) }
    }
}
