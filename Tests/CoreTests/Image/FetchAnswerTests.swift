import Testing

@testable import Core

@Suite struct FetchAnswerTests {
    @Test(arguments: [
        FetchAnswer.cached(path: "/a b\n/c"), .temporary(directory: "/tmp/my directory", name: "image of mine"),
    ]) func comesBackWithAnyPath(answer: FetchAnswer) {
        #expect(FetchAnswer(answer.bytes) == answer)
    }

    @Test func namesTheFile() {
        #expect(FetchAnswer.cached(path: "/a").path == "/a")
        #expect(FetchAnswer.temporary(directory: "/d", name: "n").path == "/d/n")
    }

    @Test(arguments: [
        "", "\0", "cached\0", "cached\0/a", "cached\0\0", "cached\0/a\0b\0", "temporary\0/a\0", "new\0/a\0",
    ])
    func othersAreNone(text: String) { #expect(FetchAnswer(Array(text.utf8)) == nil) }
}
