import Base
import Testing

@testable import Packing

/// What a build keeps of a base with its results.
@Suite struct BaseContentTests {
    private var content: BaseContent {
        var content = BaseContent()
        content.keepsMetadata = true
        content.files = [.init(path: "/a/\u{1}\"", bytes: [0, 0x22, 0xFF], mode: 0o755)]
        content.objects = [.init(path: "oci-config.json", bytes: Array("{}".utf8), mode: 0)]
        content.labels = [.init(key: "k", value: "<v>")]
        content.created = -1
        return content
    }

    @Test func comesBackAsItWasKept() throws {
        #expect(try BaseContent(kept: Array(content.json.text().utf8)) == content)
        #expect(try BaseContent(kept: Array(BaseContent().json.text().utf8)) == BaseContent())
    }

    @Test func readsWhatEarlierVersionsKept() throws {
        let text = #"""
            {"created":-1,"keepsMetadata":true,"fixesPermissions":false,"labels":[{"value":"<v>","key":"k"}],
            "objects":[{"mode":0,"path":"oci-config.json","bytes":[123,125]}],
            "files":[{"path":"\/a\/\u0001\"","bytes":[0,34,255],"mode":493}]}
            """#
        #expect(try BaseContent(kept: Array(text.utf8)) == content)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"keepsMetadata":true}"#,
        #"{"keepsMetadata":true,"fixesPermissions":false,"files":[{"path":"x","bytes":[256],"mode":1}],"labels":[],"objects":[]}"#,
        #"{"keepsMetadata":true,"fixesPermissions":false,"files":[],"labels":[{"key":"k"}],"objects":[]}"#,
        #"{"keepsMetadata":true,"fixesPermissions":false,"files":[],"labels":[],"objects":[],"created":"now"}"#,
    ]) func damageEndsTheBuild(text: String) {
        #expect(throws: SkiffError.self) { try BaseContent(kept: Array(text.utf8)) }
    }
}
