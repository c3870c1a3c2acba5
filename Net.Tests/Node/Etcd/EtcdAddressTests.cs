using Net.Node.Etcd;

namespace Net.Tests.Node.Etcd;

[TestClass]
public sealed class EtcdAddressTests
{
    [TestMethod]
    [DataRow("etcd://h:2379", "etcd://h:2379", "/continuum/")]
    [DataRow("etcds://a.example:1,10.0.0.1:65535,[::1]:3/shop", "etcds://a.example:1,10.0.0.1:65535,[::1]:3", "/shop/")]
    public void What_is_one_is_read(string text, string shown, string prefix)
    {
        Assert.IsTrue(EtcdAddress.TryParse(text, out EtcdAddress? address));
        Assert.AreEqual((shown, prefix, text.StartsWith("etcds", StringComparison.Ordinal)), (address.ToString(), address.Prefix, address.IsSecure));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("h:2379")]
    [DataRow("http://h:2379")]
    [DataRow("etcd://")]
    [DataRow("etcd://h")]
    [DataRow("etcd://h:0")]
    [DataRow("etcd://h:65536")]
    [DataRow("etcd://:1")]
    [DataRow("etcd://h:1,")]
    [DataRow("etcd://h:1,,g:1")]
    [DataRow("etcd://::1:5")]
    [DataRow("etcd://u@h:1")]
    [DataRow("etcd://h:1/")]
    [DataRow("etcd://h:1/Not a name")]
    [DataRow("etcd://h:1/a/b")]
    [DataRow("etcd://a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1")]
    public void What_is_none_is_not(string text) => Assert.IsFalse(EtcdAddress.TryParse(text, out _));
}
