using System.Net;
using QuicEndpoint;

namespace Net.Tests.Interop;

[TestClass]
public sealed class ContractTests
{
    /// <summary>The runner's table of test cases, and the values of TESTCASE that stand for them.</summary>
    [TestMethod]
    [DataRow("handshake")]
    [DataRow("transfer")]
    [DataRow("longrtt")]
    [DataRow("chacha20")]
    [DataRow("multiplexing")]
    [DataRow("retry")]
    [DataRow("resumption")]
    [DataRow("zerortt")]
    [DataRow("v2")]
    [DataRow("http3")]
    [DataRow("blackhole")]
    [DataRow("keyupdate")]
    [DataRow("ecn")]
    [DataRow("amplificationlimit")]
    [DataRow("handshakeloss")]
    [DataRow("transferloss")]
    [DataRow("handshakecorruption")]
    [DataRow("transfercorruption")]
    [DataRow("multiconnect")]
    [DataRow("ipv6")]
    [DataRow("rebind-port")]
    [DataRow("rebind-addr")]
    [DataRow("goodput")]
    [DataRow("crosstraffic")]
    [DataRow("versionnegotiation")]
    public void A_test_case_of_the_runner_is_known(string name) => Assert.IsNotNull(TestCase.Find(name));

    [TestMethod]
    [DataRow("")]
    [DataRow("Handshake")]
    [DataRow("qwmnebrtz")]
    public void Anything_else_is_not(string name) => Assert.IsNull(TestCase.Find(name));

    [TestMethod]
    public void Folders_and_port_have_the_runners_defaults_and_can_be_moved()
    {
        Contract plain = Contract.Read("server", _ => null);
        Assert.AreEqual(("", "/www", "/downloads", "/certs", 443), (plain.TestCase, plain.Www, plain.Downloads, plain.Certificates, plain.Port));

        Dictionary<string, string> set = new()
        {
            ["TESTCASE"] = "transfer",
            ["WWW_DIR"] = "/a",
            ["DOWNLOADS_DIR"] = "/b",
            ["CERTS_DIR"] = "/c",
            ["PORT"] = "0",
            ["SERVER_PARAMS"] = "idle=7 listen=127.0.0.1",
            ["CLIENT_PARAMS"] = "idle=9",
            ["REQUESTS"] = "https://server4:443/one https://[::1]:4443/two",
        };
        Contract moved = Contract.Read("server", set.GetValueOrDefault);
        Assert.AreEqual(("transfer", "/a", "/b", "/c", 0), (moved.TestCase, moved.Www, moved.Downloads, moved.Certificates, moved.Port));
        Assert.AreEqual((TimeSpan.FromSeconds(7), IPAddress.Loopback), (moved.Parameters.Idle, moved.Parameters.Listen));
        CollectionAssert.AreEqual(new[] { "/one", "/two" }, moved.Requests.Select(url => url.AbsolutePath).ToArray());
        Assert.AreEqual(TimeSpan.FromSeconds(9), Contract.Read("client", set.GetValueOrDefault).Parameters.Idle);
    }

    [TestMethod]
    [DataRow("PORT", "65536")]
    [DataRow("PORT", "https")]
    [DataRow("REQUESTS", "ftp://server/file")]
    [DataRow("REQUESTS", "/file")]
    [DataRow("CLIENT_PARAMS", "idle=soon")]
    [DataRow("CLIENT_PARAMS", "speed=11")]
    public void What_cannot_be_used_is_said(string name, string value) =>
        Assert.ThrowsExactly<ContractException>(() => Contract.Read("client", asked => asked == name ? value : null));

    [TestMethod]
    [DataRow("/inside", true)]
    [DataRow("/in%73ide?query", true)]
    [DataRow("/folder/../inside", true)]
    [DataRow("/missing", false)]
    [DataRow("/folder", false)]
    [DataRow("/../outside", false)]
    [DataRow("/%2e%2e/outside", false)]
    [DataRow("//etc/hostname", false)]
    [DataRow("/%00", false)]
    public void Files_are_given_from_inside_the_folder_alone(string path, bool isGiven)
    {
        string root = Directory.CreateTempSubdirectory("contract-").FullName;
        try
        {
            string www = Directory.CreateDirectory(Path.Combine(root, "www")).FullName;
            Directory.CreateDirectory(Path.Combine(www, "folder"));
            File.WriteAllText(Path.Combine(www, "inside"), "");
            File.WriteAllText(Path.Combine(root, "outside"), "");
            using FileStream? file = new WwwFolder(www).TryOpen(path);
            Assert.AreEqual(isGiven, file is not null);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("GET /a/b\r\n", "/a/b")]
    [DataRow("GET /a\n", "/a")]
    [DataRow("GET /a", "/a")]
    [DataRow("GET /a HTTP/1.0\r\n", "/a")]
    [DataRow("POST /a\r\n", null)]
    [DataRow("GET a\r\n", null)]
    [DataRow("", null)]
    public void A_request_is_one_line(string line, string? path) => Assert.AreEqual(path, HqServer.ReadRequest(System.Text.Encoding.UTF8.GetBytes(line)));
}
