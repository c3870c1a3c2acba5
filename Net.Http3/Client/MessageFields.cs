using System.Net;
using System.Net.Http.Headers;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;

namespace Net.Http3.Client;

/// <summary>From the base library's requests to HTTP/3's.</summary>
internal static class RequestFields
{
    private static readonly char[] s_white = [' ', '\t', '\r', '\n'];

    /// <param name="cookies">A cookie header of our own to go with the request's; may be empty.</param>
    /// <exception cref="HttpRequestException">A header that cannot be sent.</exception>
    public static RequestHead Of(HttpRequestMessage request, string cookies)
    {
        Uri uri = request.RequestUri!;
        FieldSection fields = new();
        Add(fields, request.Headers.NonValidated, ref cookies);
        if (cookies.Length > 0)
        {
            fields.Add("cookie", cookies);
        }

        if (request.Content is HttpContent content)
        {
            // Asking for the length puts it among the headers, if the content knows it.
            _ = content.Headers.ContentLength;
            string none = "";
            Add(fields, content.Headers.NonValidated, ref none);
        }
        else if (request.Method == HttpMethod.Post || request.Method == HttpMethod.Put || request.Method == HttpMethod.Patch)
        {
            fields.Add("content-length", "0");
        }

        return new(request.Method.Method, "https", AuthorityOf(request), uri.PathAndQuery, fields);
    }

    /// <summary>The host header if there is one, else the host of the URI, with its port unless that is 443.</summary>
    private static string AuthorityOf(HttpRequestMessage request)
    {
        Uri uri = request.RequestUri!;
        string host = uri.HostNameType == UriHostNameType.IPv6 ? $"[{uri.IdnHost}]" : uri.IdnHost;
        return request.Headers.Host ?? (uri.IsDefaultPort ? host : $"{host}:{uri.Port}");
    }

    private static void Add(FieldSection fields, HttpHeadersNonValidated headers, ref string cookies)
    {
        foreach (KeyValuePair<string, HeaderStringValues> header in headers)
        {
            string name = header.Key.ToLowerInvariant();
            string value = header.Value.ToString().Trim(s_white);
            if (!System.Text.Ascii.IsValid(value))
            {
                throw new HttpRequestException($"The header {header.Key} holds characters that are not ASCII.");
            }

            switch (name)
            {
                // RFC 9114, section 4.2: fields about an HTTP/1.1 connection; the host is :authority.
                case "host" or "connection" or "keep-alive" or "proxy-connection" or "transfer-encoding" or "upgrade":
                case "te" when !value.Equals("trailers", StringComparison.OrdinalIgnoreCase):
                    break;
                case "cookie":
                    cookies = cookies.Length > 0 ? $"{value}; {cookies}" : value;
                    break;
                default:
                    fields.Add(name, value);
                    break;
            }
        }
    }
}

/// <summary>From HTTP/3's responses to the base library's.</summary>
internal static class ResponseFields
{
    /// <summary>The response, with its head's fields among its own headers and those of its content.</summary>
    public static HttpResponseMessage ToMessage(ResponseHead head, HttpRequestMessage request, HttpContent content)
    {
        HttpResponseMessage response = new((HttpStatusCode)head.Status)
        {
            Version = HttpVersion.Version30,
            RequestMessage = request,
            Content = content,
        };
        if (content is NoResponseContent)
        {
            // The length of the empty content is not the response's, which may announce another one without sending it.
            content.Headers.ContentLength = null;
        }

        foreach (Field field in head.Headers)
        {
            if (!response.Headers.TryAddWithoutValidation(field.Name, field.Value))
            {
                response.Content.Headers.TryAddWithoutValidation(field.Name, field.Value);
            }
        }

        return response;
    }

    public static void AddTrailers(FieldSection? trailers, HttpResponseMessage response)
    {
        if (trailers is not null)
        {
            foreach (Field field in trailers)
            {
                response.TrailingHeaders.TryAddWithoutValidation(field.Name, field.Value);
            }
        }
    }
}
