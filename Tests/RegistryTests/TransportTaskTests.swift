import Base
import Core
import PluginHost
import Testing

@testable import Registry

/// What goes between a command and the process of a plugin is read back as it was written; anything else is refused.
@Suite struct TransportTaskTests {
    @Test func tasksComeBack() throws {
        var task = TransportTask(plugin: "org.test.odd", uri: "odd://a \"b\"\n/ü", architecture: "arm64")
        task.variant = "v8"
        task.flags = [PluginFlagUse("odd", ["a", "b,c"]), PluginFlagUse("nv", ["true"])]
        (task.configuration, task.isQuiet) = ("/etc/skiff.conf", true)
        for upload in [nil, ("sha256:1", Int64(12))] {
            task.upload = upload
            let read = TransportTask(try JSONReader.read(Array(task.json.text().utf8)))
            #expect(read == task && read?.upload?.size == upload?.1)
        }
    }

    @Test func answersComeBack() throws {
        var image = TransportImage(.layout)
        (image.size, image.identity) = (7, "revision 1")
        let answers: [TransportAnswer] = [
            .declined, .done, .alive, .wants(secret: "password"), .found(image),
            .failed(message: "cannot find\n\u{7}", errno: 2, hint: "Look"),
            .failed(message: "", errno: nil, hint: nil),
        ]
        for answer in answers {
            #expect(TransportAnswer(try JSONReader.read(Array(answer.json.text().utf8))) == answer)
        }
    }

    @Test(arguments: [
        "{}", "[]", #"{"answer":"maybe"}"#, #"{"answer":"found","kind":3,"size":0}"#,
        #"{"answer":"found","kind":1,"size":-1}"#, #"{"answer":"found","kind":4294967297,"size":1}"#,
        #"{"answer":"failed"}"#, #"{"answer":"wants"}"#,
    ])
    func otherAnswersAreNone(text: String) throws {
        #expect(TransportAnswer(try JSONReader.read(Array(text.utf8))) == nil)
        #expect(TransportTask(try JSONReader.read(Array(text.utf8))) == nil)
    }

    @Test(arguments: [
        ("odd://a/b.sif", "b.sif"), ("odd://a/b:1", "b_1.sif"), ("odd://b", "b_latest.sif"),
        ("oras://h.example/b.sif", "b.sif_latest.sif"), ("odd://a/b.squashfs", "b.squashfs"),
    ])
    func filesGetNames(uri: String, name: String) {
        #expect(ImageURI(uri)?.outputName == name)
    }

    @Test(arguments: [
        ("s3://bucket/x", "s3", "bucket/x"), ("a+b.c-d://", "a+b.c-d", ""), ("odd:///x", "odd", "/x"),
    ])
    func addressesOfPluginsAreTakenApart(text: String, scheme: String, rest: String) throws {
        let found = try #require(splitPluginURI(text))
        #expect(found.scheme == scheme && found.rest == rest)
    }

    @Test(arguments: [
        "docker://x", "oci:x", "x", "/x://y", "3s://x", "S3://x", "s3:/x", "://x", "instance://x", "localimage://x",
        "a_b://x", "abcdefghijklmnopqrstuvwxyzabcdefg://x",
    ])
    func otherAddressesAreNotOfPlugins(text: String) {
        #expect(splitPluginURI(text) == nil)
    }
}
