using Net.Core.Snapshots;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Messages;

/// <summary>RFC 9114, sections 4.2, 4.3 and 4.4: each rule, and that what is near it is still taken.</summary>
[TestClass]
public sealed class RequestHeadTests
{
    private const string Good = ":method=GET|:scheme=https|:authority=a.test|:path=/";

    /// <summary>Goal: a malformed request is H3_MESSAGE_ERROR on its stream.</summary>
    [TestMethod]
    [DataRow("no method", ":scheme=https|:authority=a|:path=/")]
    [DataRow("no scheme", ":method=GET|:authority=a|:path=/")]
    [DataRow("no path", ":method=GET|:scheme=https|:authority=a")]
    [DataRow("empty path", ":method=GET|:scheme=https|:authority=a|:path=")]
    [DataRow("relative path", ":method=GET|:scheme=https|:authority=a|:path=x")]
    [DataRow("star for GET", ":method=GET|:scheme=https|:authority=a|:path=*")]
    [DataRow("fragment in path", ":method=GET|:scheme=https|:authority=a|:path=/#x")]
    [DataRow("blank in path", ":method=GET|:scheme=https|:authority=a|:path=/a b")]
    [DataRow("no authority and no host", ":method=GET|:scheme=https|:path=/")]
    [DataRow("empty authority", ":method=GET|:scheme=https|:authority=|:path=/")]
    [DataRow("user information", ":method=GET|:scheme=https|:authority=u@a|:path=/")]
    [DataRow("authority and host differ", Good + "|host=b.test")]
    [DataRow("two hosts", ":method=GET|:scheme=https|:path=/|host=a|host=a")]
    [DataRow("bad method", ":method=G T|:scheme=https|:authority=a|:path=/")]
    [DataRow("empty method", ":method=|:scheme=https|:authority=a|:path=/")]
    [DataRow("method twice", ":method=GET|" + Good)]
    [DataRow("scheme twice", ":scheme=https|" + Good)]
    [DataRow("authority twice", ":authority=a.test|" + Good)]
    [DataRow("path twice", ":path=/|" + Good)]
    [DataRow("unknown pseudo-header", Good + "|:protocol=websocket")]
    [DataRow("a response's pseudo-header", Good + "|:status=200")]
    [DataRow("pseudo-header behind a field", "accept=x|" + Good)]
    [DataRow("upper case", Good + "|Accept=x")]
    [DataRow("empty name", Good + "|=x")]
    [DataRow("blank in name", Good + "|a b=x")]
    [DataRow("colon in name", Good + "|a:b=x")]
    [DataRow("line feed in value", Good + "|a=x\ny")]
    [DataRow("carriage return in value", Good + "|a=x\ry")]
    [DataRow("zero in value", Good + "|a=x\0y")]
    [DataRow("delete in value", Good + "|a=x\u007fy")]
    [DataRow("leading blank", Good + "|a= x")]
    [DataRow("trailing tab", Good + "|a=x\t")]
    [DataRow("line feed in path", ":method=GET|:scheme=https|:authority=a|:path=/\nx")]
    [DataRow("connection", Good + "|connection=close")]
    [DataRow("keep-alive", Good + "|keep-alive=1")]
    [DataRow("proxy-connection", Good + "|proxy-connection=close")]
    [DataRow("transfer-encoding", Good + "|transfer-encoding=chunked")]
    [DataRow("upgrade", Good + "|upgrade=h2c")]
    [DataRow("te", Good + "|te=gzip")]
    [DataRow("content-length not a number", Good + "|content-length=1x")]
    [DataRow("content-length negative", Good + "|content-length=-1")]
    [DataRow("content-length with a sign", Good + "|content-length=+1")]
    [DataRow("content-length too large", Good + "|content-length=9223372036854775808")]
    [DataRow("content-length twice", Good + "|content-length=1|content-length=1")]
    [DataRow("CONNECT with a path", ":method=CONNECT|:authority=a:1|:path=/")]
    [DataRow("CONNECT with a scheme", ":method=CONNECT|:authority=a:1|:scheme=https")]
    [DataRow("CONNECT without authority", ":method=CONNECT")]
    [DataRow("CONNECT with a host alone", ":method=CONNECT|host=a:1")]
    [DataRow("CONNECT without port", ":method=CONNECT|:authority=a")]
    [DataRow("CONNECT with an empty port", ":method=CONNECT|:authority=a:")]
    [DataRow("CONNECT without host", ":method=CONNECT|:authority=:443")]
    [DataRow("CONNECT to a port beyond all", ":method=CONNECT|:authority=a:65536")]
    [DataRow("CONNECT to a path", ":method=CONNECT|:authority=a/b:1")]
    [DataRow("empty scheme", ":method=GET|:scheme=|:authority=a|:path=/")]
    [DataRow("scheme that is none", ":method=GET|:scheme=ht tps|:authority=a|:path=/")]
    [DataRow("scheme that begins with a digit", ":method=GET|:scheme=1https|:authority=a|:path=/")]
    [DataRow("empty host", ":method=GET|:scheme=https|:path=/|host=")]
    [DataRow("empty host beside an authority", Good + "|host=")]
    [DataRow("user information in host", ":method=GET|:scheme=https|:path=/|host=u@a")]
    [DataRow("empty value of :method twice", ":method=GET|:method=|:scheme=https|:authority=a|:path=/")]
    [DataRow("te with more than trailers", Good + "|te=trailers, gzip")]
    [DataRow("content-length as a list", Good + "|content-length=1, 1")]
    [DataRow("empty content-length", Good + "|content-length=")]
    [DataRow("a name beyond ASCII", Good + "|\u00e9=x")]
    public void Malformed_requests_are_refused(string rule, string fields)
    {
        Http3Error error = RequestHead.TryRead(Parse(fields), out RequestHead? head);
        Assert.AreEqual(Http3ErrorCode.MessageError, error.Code, rule);
        Assert.IsFalse(error.IsConnectionError);
        Assert.IsNull(head);
    }

    /// <summary>Goal: what the rules permit is taken.</summary>
    [TestMethod]
    [DataRow(Good)]
    [DataRow(Good + "|te=trailers")]
    [DataRow(Good + "|te=Trailers")]
    [DataRow(":method=GET|:scheme=HTTPS|:authority=a|:path=/")]
    [DataRow(":method=GET|:scheme=coap+ws|:path=x")]
    [DataRow(":method=CONNECT|:authority=[::1]:443|accept=x")]
    [DataRow(Good + "|host=a.test")]
    [DataRow(Good + "|content-length=9223372036854775807")]
    [DataRow(Good + "|x=a\tb \u00ff")]
    [DataRow(Good + "|x=")]
    [DataRow(":method=GET|:scheme=https|:path=/|host=a.test")]
    [DataRow(":method=OPTIONS|:scheme=https|:authority=a|:path=*")]
    [DataRow(":method=CONNECT|:authority=a:443")]
    [DataRow(":path=/|:method=BREW|:authority=a|:scheme=https")]
    public void Sound_requests_are_taken_and_travel(string fields)
    {
        Http3Error error = RequestHead.TryRead(Parse(fields), out RequestHead? head);
        Assert.IsFalse(error.IsError, error.Reason);
        SnapshotWriter writer = new(default);
        head!.Export(writer);
        RequestHead again = RequestHead.Import(new(writer.Written, default));
        Assert.AreEqual((head.Method, head.Scheme, head.Authority, head.Path, head.ContentLength),
            (again.Method, again.Scheme, again.Authority, again.Path, again.ContentLength));
        CollectionAssert.AreEqual(head.Headers.ToArray(), again.Headers.ToArray());
    }

    /// <summary>Goal: cookies that were split for compression are one field again (RFC 9114, section 4.2.1).</summary>
    [TestMethod]
    public void Cookies_are_joined()
    {
        Assert.IsFalse(RequestHead.TryRead(Parse(Good + "|cookie=a:1|x=y|cookie=b:2"), out RequestHead? head).IsError);
        Assert.AreEqual("a:1; b:2", head!.Headers["cookie"]);
    }

    /// <summary>Goal: each rule for responses and for trailers.</summary>
    [TestMethod]
    [DataRow("no status", "a=b")]
    [DataRow("status of two digits", ":status=20")]
    [DataRow("status of four digits", ":status=2000")]
    [DataRow("not a number", ":status=2x0")]
    [DataRow("below 100", ":status=099")]
    [DataRow("101", ":status=101")]
    [DataRow("twice", ":status=200|:status=200")]
    [DataRow("behind a field", "a=b|:status=200")]
    [DataRow("a request's", ":status=200|:path=/")]
    [DataRow("upper case", ":status=200|A=b")]
    [DataRow("content-length", ":status=200|content-length=x")]
    [DataRow("connection", ":status=200|connection=close")]
    [DataRow("keep-alive", ":status=200|keep-alive=1")]
    [DataRow("transfer-encoding", ":status=200|transfer-encoding=chunked")]
    [DataRow("upgrade", ":status=200|upgrade=h2c")]
    [DataRow("unknown pseudo-header", ":status=200|:x=y")]
    [DataRow("line feed in value", ":status=200|a=x\ny")]
    [DataRow("empty status", ":status=")]
    public void Malformed_responses_are_refused(string rule, string fields)
    {
        Assert.AreEqual(Http3ErrorCode.MessageError, ResponseHead.TryRead(Parse(fields), out _).Code, rule);
        Assert.AreEqual(Http3ErrorCode.MessageError, FieldRules.CheckTrailers(Parse(fields.Contains(':') ? fields : "A=b")).Code, rule);
    }

    internal static FieldSection Parse(string fields)
    {
        FieldSection section = new();
        foreach (string field in fields.Split('|'))
        {
            int at = field.IndexOf('=', 1 <= field.Length && field[0] == '=' ? 0 : 1);
            section.Add(field[..at], field[(at + 1)..]);
        }

        return section;
    }
}
