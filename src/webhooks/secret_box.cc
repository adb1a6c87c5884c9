// FORMAT (1 byte), NONCE (12), ciphertext, TAG (16).
#include "webhooks/secret_box.h"

#include <openssl/evp.h>

#include <memory>

#include "base/assert.h"
#include "base/random.h"
#include "base/signing.h"

namespace mw::webhooks {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kNonceBytes = 12, kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
int SizeOf(std::string_view text) { return static_cast<int>(text.size()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

SecretBox::SecretBox(std::string_view home_secret) : key_(HmacSha256(home_secret, "secrets of webhooks")) {}

std::string SecretBox::Seal(std::string_view secret, std::string_view webhook) const {
  const std::string nonce = RandomBytes(kNonceBytes);
  std::string sealed(secret.size(), '\0'), tag(kTagBytes, '\0');
  int count = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  MW_ASSERT(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_), Bytes(nonce)) == 1);
  MW_ASSERT(EVP_EncryptUpdate(cipher.get(), nullptr, &count, Bytes(webhook), SizeOf(webhook)) == 1);
  MW_ASSERT(EVP_EncryptUpdate(cipher.get(), Bytes(sealed), &count, Bytes(secret), SizeOf(secret)) == 1);
  MW_ASSERT(EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed) + count, &count) == 1);
  MW_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1);
  return kFormat + nonce + sealed + tag;
}

Result<std::string> SecretBox::Open(std::string_view sealed, std::string_view webhook) const {
  const Error foreign =
      FailedPrecondition("the secret of webhook ", webhook, " was kept by another home: set it again");
  if (sealed.size() < 1 + kNonceBytes + kTagBytes || sealed.front() != kFormat) return foreign;
  const std::string_view nonce = sealed.substr(1, kNonceBytes);
  const std::string_view text = sealed.substr(1 + kNonceBytes, sealed.size() - 1 - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes)), secret(text.size(), '\0');
  int count = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  MW_ASSERT(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key_), Bytes(nonce)) == 1);
  MW_ASSERT(EVP_DecryptUpdate(cipher.get(), nullptr, &count, Bytes(webhook), SizeOf(webhook)) == 1);
  MW_ASSERT(EVP_DecryptUpdate(cipher.get(), Bytes(secret), &count, Bytes(text), SizeOf(text)) == 1);
  MW_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(cipher.get(), Bytes(secret) + count, &count) != 1) return foreign;
  return secret;
}

}  // namespace mw::webhooks
